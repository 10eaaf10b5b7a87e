# Every target needs nothing but python3 (3.11 or newer) with venv, make, and a package index.
PYTHON ?= python3
PORT ?= 3000
BIN := .venv/bin
STAMP := .venv/.complete
TOOLS := .venv/.tools
PIP := bin/python -m pip --quiet --disable-pip-version-check
WHEEL := .venv-wheel
# What the tests read beside themselves: no source of the package.
TESTED := second_opinion_assets_tests config data docs benchmarks fuzz workspace.yaml pyproject.toml constraints.txt \
	Makefile README.md SECURITY.md CONTRIBUTING.md
# Nothing but an environment's own packages is on its path.
unexport PYTHONPATH
ifdef MANIFEST
export SECOND_OPINION_MANIFEST = $(MANIFEST)
endif

.PHONY: help setup tools run test coverage test-cluster ui check audit bench faults fuzz mutants clean
.DEFAULT_GOAL := help

help: ## What there is to make; MANIFEST=, PORT= and ARGS= go with it.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

setup: $(STAMP) ## What running needs, into .venv.

tools: $(TOOLS) ## Also what development needs.

# Made anew whenever what is to be installed changes; a set-up that was interrupted has no stamp.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 is older than 3.11; pass PYTHON=/path/to/a/newer/one")'
	$(PYTHON) -m venv --clear .venv
	.venv/$(PIP) install --constraint constraints.txt --editable .
	touch $(STAMP)

$(TOOLS): $(STAMP)
	.venv/$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $(TOOLS)

run: $(STAMP) ## The main job: all tables of MANIFEST, the smoke one by default.
	@$(BIN)/second-opinion run

ui: $(STAMP) ## The graph in a browser, at PORT, 3000 by default.
	@$(BIN)/second-opinion ui --port $(PORT)

$(WHEEL)/.complete: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(WHEEL)
	$(WHEEL)/$(PIP) install --constraint constraints.txt '.[dev]'
	touch $@

# What is tested is what is shipped: the wheel, in an environment of its own.
test: $(WHEEL)/.complete ## All tests, against the wheel in an environment of its own.
	rm -rf build $(WHEEL)/dist $(WHEEL)/tree
	$(WHEEL)/$(PIP) wheel --no-deps --wheel-dir $(WHEEL)/dist .
	$(WHEEL)/$(PIP) install --no-deps --force-reinstall $(WHEEL)/dist/*.whl
	mkdir $(WHEEL)/tree && cp -r $(TESTED) $(WHEEL)/tree
	cd $(WHEEL)/tree && ../bin/python -m pytest -n auto $(COVERAGE) $(ARGS)

coverage: COVERAGE := --cov --cov-report=term:skip-covered
coverage: test ## The tests, and which branches they take; a quarter longer.

# Several machines as processes of this one: a lane of its own, which needs the programs of
# PostgreSQL and Redis (apt-get install postgresql redis-server). ARGS="-m 'not cluster'" leaves the
# processes out, and holds the files of config/deploy alone.
test-cluster: $(TOOLS) ## Several machines as processes of this one.
	.venv/$(PIP) install --constraint constraints.txt --editable '.[stores,workers,kubernetes,deploy]'
	$(BIN)/python -m pytest -m "cluster or not cluster" second_opinion_assets_tests/cluster $(ARGS)

# What an audit of dependencies can say without a network: they fit, and are those that are pinned.
audit: $(STAMP) ## Whether what is installed fits, and is what is pinned.
	$(BIN)/python -m pip check
	! $(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | grep -vxFf constraints.txt

check: $(TOOLS) ## Lints, types, floors, dependencies, and the graph as Dagster loads it.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	mkdir -p .dagster/check && cp config/dagster.yaml .dagster/check
	DAGSTER_HOME="$(CURDIR)/.dagster/check" $(BIN)/dg check defs

bench: $(TOOLS) ## This project beside DuckDB, polars and pandas.
	.venv/$(PIP) install --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/bench.py $(ARGS)

# Inputs at random, guided by what they reach: make fuzz SECONDS=3600.
SECONDS := 120
fuzz: $(TOOLS) ## Inputs at random, guided by what they reach, for SECONDS.
	.venv/$(PIP) install --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python fuzz/run.py --seconds $(SECONDS)

# Takes over an hour, and needs a C compiler.
faults: $(TOOLS) ## Deaths and losses on purpose; over an hour.
	PYTHONPATH="$(CURDIR)" $(BIN)/python faults/deaths.py
	PYTHONPATH="$(CURDIR)" $(BIN)/python faults/pairs.py
	PYTHONPATH="$(CURDIR)" $(BIN)/python faults/world.py
	PYTHONPATH="$(CURDIR)" $(BIN)/python faults/losses.py

# ARGS="SIZE SEED" says how many changes of each floor are tried, and which.
mutants: $(TOOLS) ## Changes of the code, and those that no test notices.
	.venv/$(PIP) install --constraint constraints.txt --editable '.[mutants]'
	$(BIN)/python faults/mutants.py $(ARGS)

clean: ## Removes all that was made but outputs.
	rm -rf .venv $(WHEEL) .dagster mutants build dist *.egg-info
