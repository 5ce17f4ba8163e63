# sered's own commands; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.run ## Judge the demo call: broker, subscriber, appliance, verdict, picture
	@$(BIN)/sered demo

.PHONY: test
test: $(VENV)/.dev ## All tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.dev ## Style and types: ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# --- set-up: made once, and again when pyproject.toml changes -------------------------------------

.PHONY: packages-run packages-test
packages-run:
	@systemd/debian-packages demo
packages-test:
	@systemd/debian-packages test

$(BIN)/python: | packages-run
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' || { \
	  echo "sered needs a 64-bit Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) -VV 2>&1)." \
	    "Name another one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml $(BIN)/python | packages-run
	@echo "Installing sered and its libraries into $(VENV) (a minute or two)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[plot]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(BIN)/python | packages-test
	@echo "Installing sered, its libraries and the test tools into $(VENV) (a minute or two)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $(VENV)/.run $@
