# Every target needs nothing but python3 (3.11 or newer) with venv, make, and a package index.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete
export DAGSTER_HOME ?= $(CURDIR)/.dagster
ifdef MANIFEST
export SECOND_OPINION_MANIFEST = $(MANIFEST)
endif

.PHONY: setup run test ui check bench clean

setup: $(STAMP)

# Made anew whenever what is to be installed changes; a set-up that was interrupted has no stamp.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 is older than 3.11; pass PYTHON=/path/to/a/newer/one")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

$(DAGSTER_HOME)/dagster.yaml: config/dagster.yaml
	@mkdir -p $(DAGSTER_HOME)
	@cp config/dagster.yaml $@

run: $(STAMP) $(DAGSTER_HOME)/dagster.yaml
	@$(BIN)/python -m second_opinion_assets.graph.launch

test: $(STAMP)
	$(BIN)/pytest -n auto $(ARGS)

ui: $(STAMP) $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/dagster dev --host 127.0.0.1 --port 3000 --workspace workspace.yaml

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/bench.py $(ARGS)

clean:
	rm -rf .venv .dagster build dist *.egg-info
