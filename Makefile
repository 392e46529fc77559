# Each target does all of its own set-up: a virtual environment in the checkout, installed once and again when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOURNAL ?= census.cue

.PHONY: run test test-all lint bench format clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cuebook needs Python 3.11 or newer; found: $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable .
	@touch $(STAMP)

run: $(STAMP)  ## the main job: a census of the standard library; interrupt it and run it again
	@$(BIN)/python docs/examples/census.py $(JOURNAL)

test: $(STAMP)  ## the suite
	$(BIN)/python -m pytest

test-all: $(STAMP)  ## the suite with its longer sweeps
	$(BIN)/python -m pytest -m "slow or not slow"

lint: $(STAMP)
	$(BIN)/ruff check cuebook tests benchmarks docs
	$(BIN)/ruff format --check cuebook tests benchmarks docs
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format cuebook tests benchmarks docs
	$(BIN)/ruff check --fix cuebook tests benchmarks docs

bench: $(STAMP)  ## every benchmark, each beside its peer in the same run
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
