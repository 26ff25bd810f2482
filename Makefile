# The two commands to begin with: `make demo` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LAB := tests/lab/lab
NODES ?= 3
PYTEST_ARGS ?=

.PHONY: help setup demo test check format golden lab-test lab-up lab-down cluster-test clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo          the whole journey on simulated Pis: no hardware, no root'
	@echo 'make test          the tests that need neither root nor a network'
	@echo 'make check         format, lint, types, import contracts, house rules'
	@echo 'make golden        writes the golden repositories anew and shows what became different'
	@echo 'make lab-test      real hosts on this machine (root, Debian 12)'
	@echo 'make cluster-test  a real cluster on this machine (root, Debian 12, Go)'
	@echo 'make clean         removes what was built here'

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'homelab needs Python 3.11 or newer. Set PYTHON, for example: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'Python cannot make virtual environments yet. On Debian: sudo apt install python3-venv'; exit 1; }
	@echo 'Setting up $(VENV), a minute or two ...'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

setup: $(READY)

demo: $(READY)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/homelab demo $(DEMO); else $(BIN)/homelab demo --yes $(DEMO); fi

test: $(READY)
	$(BIN)/python -m pytest -m 'not lab and not cluster' -n auto $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_house_rules.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(READY)
	$(BIN)/python -m tests.golden

root:
	@test "$$(id -u)" = 0 || { echo 'This builds network namespaces and containers: run it as root, on a Debian 12 machine.'; exit 1; }
.PHONY: root

lab-up: root $(READY)
	$(LAB) setup
	$(LAB) build kube
	$(LAB) tailnet repository
	$(LAB) up $(NODES)

lab-down: root
	$(LAB) down

lab-test: lab-up
	$(LAB) ws $(BIN)/python -m pytest -m lab $(PYTEST_ARGS)

cluster-test: root $(READY)
	$(BIN)/python -m pytest -m cluster --timeout 0 -rA $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
