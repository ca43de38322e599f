# Every target sets up what it needs; `make help` lists them.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
COMPILED := build/compiled
# What is compiled, and what decides how.
SOURCES := $(shell find wproxy capture consumer admin -name '*.py')
# What unit tests cover in full: line by line, branch by branch.
PURE := wproxy/protocols/*,wproxy/policy/*,wproxy/config/*
PYTHON ?= python3
JOBS ?= 4
SECONDS ?= 20

# Tests start the same programs thousands of times: what Python compiles it keeps, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test soak unit bench lint format venv compiled system-demo system-test system-bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: system-demo venv ## the whole pipeline on this machine, with a live view (SECONDS=20)
	@$(BIN)/wproxy demo --seconds $(SECONDS)

test: system-test venv compiled ## all tests, with real servers, after installing what they start
	@WPROXY_PYTHON=$(CURDIR)/$(COMPILED)/bin/python $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

soak: system-test venv compiled ## the tests that take minutes: crowds, leaks, long fuzzing
	@WPROXY_PYTHON=$(CURDIR)/$(COMPILED)/bin/python $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m soak $(ARGS)

unit: venv ## the tests that need no server; they have to take every branch of the pure packages
	@$(BIN)/python -m pytest -n $(JOBS) tests/unit --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report --include='$(PURE)' --fail-under=100 --skip-covered

bench: system-bench venv compiled ## wproxy beside HAProxy, twemproxy and tcpdump, turn by turn (ARGS="--only tcp")
	@WPROXY_PYTHON=$(CURDIR)/$(COMPILED)/bin/python $(BIN)/python -m tests.bench $(ARGS)

lint: venv ## ruff, mypy --strict, import-linter, the shape of the test tree
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check_tree.py

format: venv ## rewrite the source as ruff formats it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

system-demo: ## install what the demo needs from Debian
	@sh scripts/system-packages demo

system-test: ## install what the tests start from Debian (no service is started)
	@sh scripts/system-packages test

system-bench: ## install the peers that are measured
	@sh scripts/system-packages bench

venv: $(VENV)/.ready ## the virtual environment

$(VENV)/.ready: pyproject.toml scripts/make-venv
	@PYTHON=$(PYTHON) sh scripts/make-venv $(VENV)

compiled: $(COMPILED)/.ready ## an environment with what a user installs, its data path compiled

$(COMPILED)/.ready: $(VENV)/.ready setup.py scripts/make-compiled scripts/check_compiled.py $(SOURCES)
	@sh scripts/make-compiled $(VENV) $(COMPILED)

clean: ## remove the virtual environment and what the tools left behind
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .coverage .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
