# Each target does all of its own set-up: a virtual environment in the checkout, installed from the locked requirements
# once, and again when what it is made from changes. `make test PYTHON=python3.12` takes another Python, in an
# environment of its own; so do `lint` and the others. `make run` always has .venv.
PYTHON ?= python3
ASKED := $(findstring command line,$(origin PYTHON))
RUN := .venv
DEV := .venv$(if $(ASKED),-$(notdir $(PYTHON)))
BIN := $(DEV)/bin
TOOLS := .venv-tools
CLUSTER := .venv-cluster$(if $(ASKED),-$(notdir $(PYTHON)))
ifdef ASKED
override PYTHON := $(or $(shell python3 -m tools.pythons $(PYTHON) 2>/dev/null),$(PYTHON))
CHOSEN := --python $$(command -v $(PYTHON))
endif
JOURNAL ?= census.cue
BESIDE := -n 2 --dist worksteal
CHECKED := cuebook tests benchmarks docs tools
unexport PYTHONDONTWRITEBYTECODE # else every worker compiles the library anew

.PHONY: run test test-all test-newest test-lowest test-pythons test-cluster test-wheel lint format bench bench-compare bench-docs lock upgrade clean
.PHONY: python core dev tools

run: core  ## the main job: a census of the standard library; interrupt it and run it again
	@$(RUN)/bin/python docs/examples/census.py $(JOURNAL)

test: dev  ## the suite
	$(BIN)/python -m pytest $(BESIDE)

test-all: dev  ## the suite with its longer sweeps
	$(BIN)/python -m pytest $(BESIDE) -m "(slow or not slow) and not wheel and not cluster"

test-newest: tools  ## a quick part of the suite, with the newest of everything
	@$(TOOLS)/bin/python -m tools.matrix newest $(CHOSEN)

test-lowest: tools  ## the same with the lowest versions that pyproject.toml lets in
	@$(TOOLS)/bin/python -m tools.matrix lowest $(CHOSEN)

test-pythons: tools  ## the same on each Python that is claimed and found on this machine
	@$(TOOLS)/bin/python -m tools.matrix pythons $(CHOSEN)

test-cluster: python  ## the engines on local clusters of Dask and Ray, in an environment of their own; up to eight minutes
	@$(PYTHON) -m tools.environment cluster $(CLUSTER)
	$(CLUSTER)/bin/python -m pytest -m cluster --session-timeout=480 tests/conformance tests/clusters tests/compat

test-wheel: tools  ## the same from the unpacked sdist, against the wheel that is built from it
	@$(TOOLS)/bin/python -m tools.wheel $(CHOSEN)

lint: dev
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy

format: dev
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

bench: dev  ## every benchmark, each beside its peer in the same run
	$(BIN)/python -m benchmarks

bench-compare: dev  ## the last two results of each benchmark side by side
	@$(BIN)/python -m benchmarks --compare

bench-docs: dev  ## the tables and the picture of docs/benchmarks.md, of the newest results
	@$(BIN)/python -m benchmarks --docs

lock: tools  ## uv.lock and requirements/ again, after a change of what pyproject.toml asks for
	@$(TOOLS)/bin/python -m tools.lock

upgrade: tools  ## the same with the newest of everything
	@$(TOOLS)/bin/python -m tools.lock --upgrade

clean:
	rm -rf .venv* .pytest_cache .mypy_cache .ruff_cache dist

# The environments: what runs the library, what all work is done with, and uv, which makes the others.
core: python
	@$(PYTHON) -m tools.environment core $(RUN)

dev: python
	@$(PYTHON) -m tools.environment dev $(DEV)

tools: python
	@$(PYTHON) -m tools.environment tools $(TOOLS)

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cuebook needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1 | head -n 1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
