# Everything a developer, the README and CI run. Each target sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export NBA_PIPELINE_HOME ?= $(CURDIR)/.nba_pipeline
SHARED ?= ../shared
READY := $(VENV)/.ready
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations 15

.PHONY: demo test test-fast test-real test-bigquery test-unattended dev lint bench clean

demo: $(READY)
	$(BIN)/nba-pipeline demo

# a file's tests run on one worker, so that what they share is prepared once and no worker waits for another's lock
test: $(READY)
	$(PYTEST)

test-fast: $(READY)
	$(PYTEST) -m 'not platform and not unattended'

test-real: $(READY)
	NBA_SHARED_DIR=$(SHARED) $(BIN)/python -m pytest -n 2 --dist loadfile --override-ini addopts="-ra --strict-markers" nba_pipeline_tests/real

test-bigquery: $(READY)
	$(BIN)/python -m nba_pipeline_tests.bigquery.emulator setup
	NBA_BIGQUERY_TESTS=required $(BIN)/python -m pytest -n 2 --dist worksteal --override-ini addopts="-ra --strict-markers" nba_pipeline_tests/bigquery

test-unattended: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal --override-ini addopts="-ra --strict-markers" nba_pipeline_tests/unattended

dev: $(READY)
	$(BIN)/python -W ignore -c 'from nba_pipeline.environments import home; from nba_pipeline.runs import prepare_instance; prepare_instance(home())'
	DAGSTER_HOME=$(NBA_PIPELINE_HOME)/dagster $(BIN)/dagster dev -w workspace.yaml

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	for bench in benchmarks/*.py; do $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf .venv* .nba_pipeline

$(READY): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 14) and "Python 3.11 to 3.14 is supported, and $(PYTHON) is %d.%d: set PYTHON to another interpreter" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
