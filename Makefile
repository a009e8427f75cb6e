# The commands of README and docs/development.md. The programs behind them are in toolchain/.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help toolchain demo destroy test test-full test-vm chaos bench bench-full lint format docs

PYTHON := .venv/bin/python
IN_TOOLCHAIN := eval "$$($(PYTHON) -m toolchain.environment)" &&
TESTS := $(IN_TOOLCHAIN) $(PYTHON) -m toolchain.run_tests

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

toolchain: ## get what this machine lacks: Python packages, Pulumi, docker engine, base image
	@toolchain/bootstrap

demo: ## bring up a cluster on this machine, run ten jobs on it, list their products
	@toolchain/demo

destroy: ## remove all that demo made
	@toolchain/destroy

test: lint ## check the code and run every test that takes no minutes
	$(TESTS) -m "not slow"

test-full: lint ## run every test
	$(TESTS)

test-vm: toolchain ## run the tests on virtual machines; TIER=local, cluster, own_share, ledger, hosts, selinux, arm64 or room runs one part
	$(IN_TOOLCHAIN) pytest -rs --durations=0 --durations-min=1 $(if $(TIER),tests/vm/test_$(TIER).py,tests/vm)

chaos: toolchain ## run 300 jobs while everything that can die or freeze does; CHAOS_SEED=N repeats a run
	$(IN_TOOLCHAIN) pytest -rs -m chaos --capture=no tests/e2e/test_chaos.py

bench: toolchain ## measure speed beside Celery and write bench/results; some minutes
	$(IN_TOOLCHAIN) $(PYTHON) -m bench

bench-full: toolchain ## the same with more repetitions and more jobs; half an hour
	$(IN_TOOLCHAIN) $(PYTHON) -m bench --full

lint: toolchain ## linters, formatter, type checker, walls between the rooms, and whether the generated parts of pages are up to date
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo
	$(PYTHON) -m toolchain.lint
	$(PYTHON) -m docs.make --check

format: toolchain ## format the code and sort its imports
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

docs: toolchain ## write the parts of docs/ that are generated from the code
	$(PYTHON) -m docs.make
