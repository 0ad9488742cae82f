# Every target sets up what it needs; Python 3.11 or newer and make are all there must be before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test check bench fix docs clean

install: $(VENV)/.installed

# Kernels are compiled once, here: a job's sandbox could not keep what it compiles.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sagewright needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m sagewright_algorithms.random_cut_forest.forest
	$(BIN)/python -m sagewright_algorithms.factorization_machines
	$(BIN)/python -m sagewright_algorithms.ip_insights
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/sagewright demo

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install
	$(BIN)/sagewright ops --markdown > docs/coverage.new
	mv docs/coverage.new docs/coverage.md

clean:
	rm -rf $(VENV) .clients .cache build dist
