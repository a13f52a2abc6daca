# GNU make 3.81 (that of macOS) is enough. Another Python: make PYTHON=python3.12 demo

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
WORKERS ?= logical

.PHONY: help demo test coverage lint types contracts check clean

help:
	@echo "make demo       install the package in .venv and run the demo; ARGS='--seed 7' is passed on"
	@echo "make test       install it with its tools in .venv and run the tests, one process a core;"
	@echo "                WORKERS=0 keeps them in one; ARGS='-x' is passed on"
	@echo "make coverage   the tests, and which lines and branches of functional/, pipeline/ and feedback/"
	@echo "                they leave out; it fails below the floor in pyproject.toml"
	@echo "make check      tests, lint, types and import contracts"
	@echo "make lint       ruff"
	@echo "make types      pyright"
	@echo "make contracts  import-linter"
	@echo "make clean      delete .venv and caches; runs stay"

demo: .venv/.installed
	$(BIN)/assent demo $(ARGS)

test: .venv/.installed-dev
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

coverage: .venv/.installed-dev
	$(BIN)/coverage erase
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --cov --cov-report= --cov-fail-under=0 $(ARGS)
	@for room in functional pipeline feedback; do \
	  echo "$$room/"; $(BIN)/coverage report --include="assent/$$room/*" || failed=1; \
	done; exit $${failed:-0}

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-dev
	$(BIN)/pyright

contracts: .venv/.installed-dev
	$(BIN)/lint-imports

check: test lint types contracts

clean:
	rm -rf .venv build dist .coverage .coverage.* .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find assent tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps rather than .venv/bin/python: a venv that failed half-way has a python, and is no venv.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "assent needs Python 3.11 or later; $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { \
	  echo "Python's venv is missing. On Debian: apt install python3-venv" >&2; exit 2; }
	@touch $@

.venv/.installed: pyproject.toml .venv/.made
	@echo "Installing into .venv; torch is large, so the first time takes a while."
	$(BIN)/python -m pip install --editable .
	@touch $@

.venv/.installed-dev: pyproject.toml .venv/.made
	@echo "Installing into .venv; torch is large, so the first time takes a while."
	$(BIN)/python -m pip install --editable '.[dev]'
	@touch .venv/.installed $@
