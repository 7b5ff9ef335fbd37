# One command for each thing. `make` alone lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# The interpreter that makes the virtual environment. Without one given, the
# first of these that runs and is new enough; candidates are run, not only
# looked up, because a version manager's shim can exist and still refuse.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$python"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/.made
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
# What a developer has runs the demo too.
RUNNABLE = $(if $(wildcard $(DEV)),$(DEV),$(RUN))

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
CODE := src tests tools conftest.py
# Two workers: the suite is measured on two cores. A file stays on one: its examples build on each other.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

.PHONY: help demo check test format reference clean lint types contracts venv

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNNABLE) ## a year of billing in under a minute, on a database of its own
	@$(BIN)/ledger demo

check: lint types contracts ## the fast loop: format, lint, types, contracts, fast tests
	$(PYTEST) -m "not slow"

test: lint types contracts ## everything that must hold before a change lands
	$(PYTEST)

format: $(DEV) ## write the one format and the safe fixes
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

reference: $(DEV) ## write the reference pages from the docstrings
	$(BIN)/python -m tools.reference

venv: $(DEV) ## the development environment in .venv

lint: $(DEV)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(DEV)
	$(BIN)/mypy $(CODE)
	$(BIN)/pyright $(CODE)

contracts: $(DEV)
	$(BIN)/lint-imports --no-cache

clean: ## remove what was made, the environment included
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: an environment that is up to date costs nothing.
$(MADE):
	@test -n "$(PYTHON)" || { \
		echo "Ledger needs Python 3.11 or newer, and none was found on the path."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Ledger needs Python 3.11 or newer; $(PYTHON) is" \
			"$$("$(PYTHON)" --version 2>/dev/null || echo 'not a Python that runs here')."; exit 1; } >&2
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment: its venv module is missing."; \
		echo "On Debian and Ubuntu it is a package of its own: apt install python3-venv"; exit 1; } >&2
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(RUN): $(MADE) pyproject.toml constraints.txt
	@echo "Installing Ledger into $(VENV) …" >&2
	@$(PIP) --editable .
	@touch $@

$(DEV): $(MADE) pyproject.toml constraints.txt
	@echo "Installing Ledger and its development tools into $(VENV) …" >&2
	@$(PIP) --editable '.[dev]'
	@touch $(RUN) $@
