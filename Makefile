# Every target needs nothing but python3 (3.11 or newer) with venv, make, and a package index.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete
PIP := bin/pip --quiet --disable-pip-version-check
WHEEL := .venv-wheel
# What the tests read beside themselves: no source of the package.
TESTED := second_opinion_assets_tests config data docs benchmarks fuzz workspace.yaml pyproject.toml README.md \
	SECURITY.md
export DAGSTER_HOME ?= $(CURDIR)/.dagster
# Nothing but an environment's own packages is on its path.
unexport PYTHONPATH
ifdef MANIFEST
export SECOND_OPINION_MANIFEST = $(MANIFEST)
endif

.PHONY: setup run test test-cluster ui check audit bench faults fuzz mutants clean

setup: $(STAMP)

# Made anew whenever what is to be installed changes; a set-up that was interrupted has no stamp.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 is older than 3.11; pass PYTHON=/path/to/a/newer/one")'
	$(PYTHON) -m venv --clear .venv
	.venv/$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

$(DAGSTER_HOME)/dagster.yaml: config/dagster.yaml
	@mkdir -p $(DAGSTER_HOME)
	@cp config/dagster.yaml $@

run: $(STAMP) $(DAGSTER_HOME)/dagster.yaml
	@$(BIN)/python -m second_opinion_assets.graph.launch

$(WHEEL)/.complete: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(WHEEL)
	$(WHEEL)/$(PIP) install --constraint constraints.txt '.[dev]'
	touch $@

# What is tested is what is shipped: the wheel, in an environment of its own.
test: $(WHEEL)/.complete
	rm -rf build $(WHEEL)/dist $(WHEEL)/tree
	$(WHEEL)/$(PIP) wheel --no-deps --wheel-dir $(WHEEL)/dist .
	$(WHEEL)/$(PIP) install --no-deps --force-reinstall $(WHEEL)/dist/*.whl
	mkdir $(WHEEL)/tree && cp -r $(TESTED) $(WHEEL)/tree
	cd $(WHEEL)/tree && ../bin/python -m pytest -n auto --cov --cov-report=term:skip-covered $(ARGS)

# Several machines as processes of this one: a lane of its own, which needs the programs of
# PostgreSQL and Redis (apt-get install postgresql redis-server). ARGS="-m 'not cluster'" leaves the
# processes out, and holds the files of config/deploy alone.
test-cluster: $(STAMP)
	.venv/$(PIP) install --constraint constraints.txt --editable '.[stores,workers,kubernetes,deploy]'
	$(BIN)/python -m pytest -m "cluster or not cluster" second_opinion_assets_tests/cluster $(ARGS)

# What server and main job look at, read and write lies below these folders and the manifest's own;
# set the variable to have it otherwise.
BASE = $(or $(SECOND_OPINION_BASE_DIR),$(dir $(SECOND_OPINION_MANIFEST)),config)
FOLDERS = $(abspath config data outputs $(BASE) $(SECOND_OPINION_REPORT_DIR))
run ui: export SECOND_OPINION_CONFINE_TO ?= $(subst $() ,:,$(FOLDERS))

ui: $(STAMP) $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/python -m second_opinion_assets.graph.serve --host 127.0.0.1 --port 3000 --workspace workspace.yaml

# What an audit of dependencies can say without a network: they fit, and are those that are pinned.
audit: $(STAMP)
	$(BIN)/python -m pip check
	! $(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | grep -vxFf constraints.txt

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: $(STAMP)
	.venv/$(PIP) install --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/bench.py $(ARGS)

# Inputs at random, guided by what they reach: make fuzz SECONDS=3600.
SECONDS := 120
fuzz: $(STAMP)
	.venv/$(PIP) install --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python fuzz/run.py --seconds $(SECONDS)

# Takes over an hour, and needs a C compiler.
faults: $(STAMP)
	PYTHONPATH=$(CURDIR) $(BIN)/python faults/deaths.py
	PYTHONPATH=$(CURDIR) $(BIN)/python faults/pairs.py
	PYTHONPATH=$(CURDIR) $(BIN)/python faults/world.py
	PYTHONPATH=$(CURDIR) $(BIN)/python faults/losses.py

# ARGS="SIZE SEED" says how many changes of each floor are tried, and which.
mutants: $(STAMP)
	.venv/$(PIP) install --constraint constraints.txt --editable '.[mutants]'
	$(BIN)/python faults/mutants.py $(ARGS)

clean:
	rm -rf .venv $(WHEEL) .dagster mutants build dist *.egg-info
