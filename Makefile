# Everything happens in .venv, made from requirements.lock (versions and hashes); nothing is installed outside the checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-destinations test-live soak bench lint format docs lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv and install the package into it

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dropbox-audit needs Python 3.11 or later: make PYTHON=python3.12"; exit 2; }
	@echo "Installing into $(VENV) (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## a simulated team's audit log in DuckDB, answered in SQL
	@$(BIN)/dropbox-audit demo

test: $(STAMP) ## run the tests
	@$(BIN)/python tests/dashboard/chromium.py
	@$(BIN)/python -m pytest

soak: $(STAMP) ## kill loads at random moments; KILLS=300 and SEED=7 may be given
	@PYTHONPATH=tests $(BIN)/python tests/faults/soak.py $(or $(KILLS),300) $(SEED)

EMULATED := $(addsuffix /.installed,.venv-destinations .venv-fakesnow .venv-bqemulator)

test-destinations: $(EMULATED) ## run the tests against emulated BigQuery and Snowflake
	@.venv-destinations/bin/python -m pytest tests/destinations

test-live: .venv-destinations/.installed ## the same on a real account: make test-live DESTINATION=snowflake
	@LIVE_DESTINATION=$(or $(DESTINATION),$(error name it: make test-live DESTINATION=bigquery or snowflake)) \
		$(<D)/bin/python -m pytest -n 0 tests/destinations/test_live.py

.venv-destinations/.installed: requirements-destinations.lock pyproject.toml
.venv-fakesnow/.installed: tests/destinations/snowflake/requirements.lock
.venv-bqemulator/.installed: tests/destinations/bigquery/requirements.lock

.venv-%/.installed:
	@echo "Installing into $(@D) (once) ..."
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@test $* != destinations || $(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

bench: $(STAMP) ## measure side by side and print the table
	@$(BIN)/python -m benchmarks

lint: $(STAMP) ## ruff, mypy --strict, sqlfluff, secrets, vulnerable dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@DROPBOX_AUDIT_DUCKDB=:memory: $(BIN)/sqlfluff lint sql --processes 0 --disable-progress-bar 2>&1 | grep -v 'because it is a macro'; exit $${PIPESTATUS[0]}
	@$(BIN)/python .ci/lint_secrets.py
	@$(BIN)/python .ci/audit_dependencies.py

format: $(STAMP) ## let ruff and sqlfluff rewrite what they can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@DROPBOX_AUDIT_DUCKDB=:memory: $(BIN)/sqlfluff fix sql --disable-progress-bar

docs: $(STAMP) ## generate docs/views.md and docs/alerts.md anew
	@$(BIN)/python docs/generate_views.py
	@$(BIN)/python docs/generate_alerts.py

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

lock: $(STAMP) ## resolve the lock files anew (needs uv)
	$(LOCK) --extra dashboard --extra mcp --group dev pyproject.toml -o requirements.lock
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements-destinations.lock

clean: ## remove what the commands above made, but never a loaded warehouse
	rm -rf $(VENV) .venv-* tests/screenshots target logs sql/target sql/logs dropbox_demo.duckdb
