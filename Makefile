# Everything a developer, the README and CI run. Each target sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export NBA_PIPELINE_HOME ?= $(CURDIR)/.nba_pipeline
SHARED ?= ../shared
READY := $(VENV)/.ready
# one more than the cores of a small machine: tests also wait for sockets and disks
WORKERS ?= 3
# of the tests marked `long` or `unattended`: 1/4 is the second quarter
SHARE ?= 0/1
SOAK_DAYS ?= 2
COVERAGE ?=
ALL := --override-ini addopts='-ra --strict-markers -p no:unraisableexception'
# a test and its processes need not compile the package again, whatever the shell says
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15

.PHONY: demo test test-fast test-platform test-real test-bigquery test-postgres test-unattended test-live test-nightly coverage dev lint sbom generated bench clean help

demo: $(READY)  ## play the simulated league, predict a slate, grade the day before
	$(BIN)/nba-pipeline demo

# A file's tests run on one worker, so that what they share is prepared once and no worker waits for another's lock.
# COVERAGE=1 measures lines: sys.monitoring makes it cheap from Python 3.12 on, and 3.11 takes a third longer.
COUNTED := $(if $(COVERAGE),COVERAGE_CORE=sysmon )$(PYTEST)

test: $(READY)  ## the tests that need nothing else and do not run the graph
	$(COUNTED) -m 'not platform and not unattended'$(if $(COVERAGE), --cov --cov-report=)

test-fast: $(READY)  ## the quick ones of `make test`
	$(PYTEST) -m 'not slow and not platform and not unattended'

# with COVERAGE=1 after `make test COVERAGE=1`: at least 90 % of the lines in both together
test-platform: $(READY)  ## the tests that run the graph, use histories of runs or start processes
	$(COUNTED) -m 'platform and not unattended'$(if $(COVERAGE), --cov --cov-append --cov-report term:skip-covered --cov-fail-under 90)

coverage:  ## line coverage of `make test test-platform`, at least 90 %
	$(MAKE) test test-platform COVERAGE=1

test-real: $(READY)  ## the tests on real seasons and recorded responses
	NBA_SHARED_DIR=$(SHARED) $(PYTEST) $(ALL) --share $(SHARE) nba_pipeline_tests/real

test-bigquery: $(READY)  ## the BigQuery warehouse against an emulator
	$(BIN)/python -m nba_pipeline_tests.bigquery.emulator setup
	NBA_BIGQUERY_TESTS=required $(PYTEST) --dist worksteal $(ALL) --share $(SHARE) nba_pipeline_tests/bigquery

# tests of Dagster's instance, repeated in PostgreSQL; skipped with a reason where PostgreSQL is not installed
test-postgres: $(READY)  ## Dagster's instance in PostgreSQL
	$(PYTEST) $(ALL) --share $(SHARE) --storage postgres -m '(postgres or any_storage) and not unattended' nba_pipeline_tests/postgres \
		nba_pipeline_tests/instance nba_pipeline_tests/asset_factory/test_checks.py nba_pipeline_tests/cli/test_watch.py

test-unattended: $(READY)  ## the demo, fault scenarios, killed runs, rebuilds, migrations
	$(PYTEST) --dist worksteal $(ALL) --share $(SHARE) --soak-days $(SOAK_DAYS) -m unattended --ignore nba_pipeline_tests/real \
		--ignore nba_pipeline_tests/bigquery --ignore nba_pipeline_tests/postgres --ignore nba_pipeline_tests/unattended/test_live.py nba_pipeline_tests/unattended nba_pipeline_tests

test-live: $(READY)  ## one evening on the real clock with the daemon
	$(BIN)/python -m pytest $(ALL) nba_pipeline_tests/unattended/test_live.py

# hours: every long test, and a game day of production killed after each write. A kill after a read leaves the dataset as the write
# before it did.
test-nightly: $(READY)  ## every test, with the long versions; takes hours
	$(MAKE) test test-platform test-live test-real test-postgres
	$(MAKE) test-unattended SOAK_DAYS=8
	$(MAKE) test-bigquery
	$(BIN)/python -m nba_pipeline_tests.bigquery.game_day $(CURDIR)/.emulator/kills --writes

# the UI has no login, so it listens on this machine only
dev: $(READY)  ## Dagster's UI and daemon at http://127.0.0.1:3000
	$(BIN)/nba-pipeline decisions > /dev/null  # writes dagster.yaml, or names one that cannot be used
	umask 077; DAGSTER_HOME=$(NBA_PIPELINE_HOME)/dagster PYTHONWARNINGS='ignore:Function `dev_command` is superseded' \
		$(BIN)/dagster dev --host 127.0.0.1 -w workspace.yaml

lint: $(READY)  ## ruff, mypy, and the audit of the dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m nba_pipeline_tests.suite.dependencies

# the bill of materials of a release, in CycloneDX's JSON
sbom: $(READY)  ## the bill of materials, sbom.cdx.json
	$(BIN)/python -m nba_pipeline_tests.suite.sbom sbom.cdx.json

# snapshots, the catalog, the data dictionary and the drawings of the tables
generated: $(READY)  ## write the files that are derived from the definitions
	$(BIN)/python -m nba_pipeline_tests.suite.generated

bench: $(READY)  ## the benchmarks
	for bench in benchmarks/*.py; do $(BIN)/python $$bench || exit 1; done

clean:  ## delete .venv* and .nba_pipeline
	rm -rf .venv* .nba_pipeline

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

$(READY): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 14) and "Python 3.11 to 3.14 is supported, and $(PYTHON) is %d.%d: set PYTHON to another interpreter" % v)'
	@echo "Installing the packages into $(VENV), which takes some minutes." >&2
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
