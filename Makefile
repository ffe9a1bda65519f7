# Two commands do all of their set-up: `make demo` runs the main job, `make test` passes the tests.
# TORCH=<requirement> chooses the torch to install, PYTHON=<program> the interpreter.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

.PHONY: demo test check bench clean

demo: $(VENV)/.ready
	$(BIN)/ir-runtime demo

test: $(VENV)/.ready check
	$(BIN)/python -m pytest

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks overhead
	$(BIN)/python -m benchmarks startup

# torch goes first: a plain requirement would take the newest build, gigabytes of it.
$(VENV)/.ready: pyproject.toml Makefile
	@command -v g++ >/dev/null || $(MAKE) --no-print-directory compiler-for-inductor
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.PHONY: compiler-for-inductor
compiler-for-inductor:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq g++; \
	else \
	    echo "torch.compile needs g++ on the CPU; install it, e.g. 'sudo apt-get install g++'" >&2; \
	    exit 1; \
	fi

clean:
	rm -rf $(VENV) build *.egg-info
