# Two commands do all of their set-up: `make demo` runs the main job, `make test` passes the tests.
# `make test-full` runs what is long by nature, and records in tests/full_passed.json what passed;
# commit that file. `make test-changed` runs of it, for MINUTES, what depends on a file that has
# changed since.
# TORCH=<requirement> chooses the torch to install, PYTHON=<program> the interpreter.

PYTHON ?= python3
TORCH ?= torch==2.13.0
MINUTES ?= 15
VENV := .venv
BIN := $(VENV)/bin
RUNTIME_VENV := .venv-runtime
SHELL := /bin/bash
# Each process would parse the tests and the package again.
export PYTHONDONTWRITEBYTECODE :=
PIP_INSTALL := python -m pip install --quiet --disable-pip-version-check --no-compile
# Mesa's software Vulkan keeps two cores busy while a device is open: those tests run by themselves.
PYTEST := $(BIN)/python -m pytest
WITHOUT_VULKAN := -m 'not vulkan' -n 3 --dist loadfile --no-loadscope-reorder
ON_VULKAN := -m vulkan -n 0

.PHONY: demo test test-full test-changed test-hostile test-gpu gpu-pack test-install check golden bench launcher asan clean

demo: $(VENV)/.ready
	$(BIN)/ir-runtime demo

test: $(VENV)/.ready
	$(MAKE) --no-print-directory -j2 check test-install
	$(PYTEST) $(WITHOUT_VULKAN)
	$(PYTEST) $(ON_VULKAN)

test-full: $(VENV)/.ready
	$(PYTEST) $(WITHOUT_VULKAN) --full all --record
	$(PYTEST) $(ON_VULKAN) --full all --record

test-changed: $(VENV)/.ready
	$(PYTEST) $(WITHOUT_VULKAN) --full changed --minutes $$(($(MINUTES) * 4 / 5))
	$(PYTEST) $(ON_VULKAN) --full changed --minutes $$(($(MINUTES) / 5))

# 5000 strange calls, half of them illegal, and a table of what was tried.
test-hostile: $(VENV)/.ready
	$(BIN)/python -m tests.hostile.run --calls 5000

# The ops on the GPU of this machine; DEVICE=cpu tries the tests without one.
test-gpu: $(VENV)/.ready
	$(PYTEST) -c tests/gpu/pack.ini --rootdir . --confcutdir tests/gpu tests/gpu \
	    --device $(or $(DEVICE),cuda)

# A folder for a machine with a GPU, torch and Python 3.12 that has neither network nor IREE.
gpu-pack: $(VENV)/.ready
	$(BIN)/python -m benchmarks.gpu_pack $(or $(PACK),build/gpu-pack) \
	    --targets $(or $(TARGETS),cuda:sm_80)

# An install without the compiler runs what the other one compiled.
test-install: $(VENV)/.ready $(RUNTIME_VENV)/.ready
	store=$$(mktemp -d) && trap 'rm -rf "$$store"' EXIT && export IR_RUNTIME_STORE="$$store" && \
	    $(BIN)/python tests/runtime_only.py fill && \
	    $(RUNTIME_VENV)/bin/python -P tests/runtime_only.py run

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright

# Writes what the builder generates today; refuses where a stored kernel would be taken for it.
golden: $(VENV)/.ready
	$(BIN)/python -m tests.golden_mlir.record

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks overhead
	$(BIN)/python -m benchmarks startup
	$(BIN)/python -m benchmarks kernels --plot build/kernels.png

# What the editable install built is old once its sources have changed.
launcher: $(VENV)/.ready
	$(BIN)/python setup.py --quiet build_ext --inplace

# The launcher's tests on a build of it that watches each access, Python's own memory included. It
# keeps what was freed for a while, so that the growth of memory says nothing.
asan: $(VENV)/.ready
	rm -rf build/asan && mkdir -p build/asan
	cp -r ir_runtime kernels_mlir tests setup.py pyproject.toml README.md build/asan
	rm -f build/asan/ir_runtime/launch/direct/native/*.so
	cd build/asan && \
	    CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g' \
	    $(CURDIR)/$(BIN)/python setup.py --quiet build_ext --inplace && \
	    LD_PRELOAD="$$(cc -print-file-name=libasan.so) $$(cc -print-file-name=libubsan.so)" \
	    ASAN_OPTIONS=detect_leaks=0:handle_segv=0:allocator_may_return_null=1 \
	    PYTHONMALLOC=malloc PYTHONPATH=$$PWD \
	    $(CURDIR)/$(BIN)/python -m pytest -q -p no:cacheprovider tests/launch/native \
	    tests/launch/gpu/test_launch.py tests/launch/gpu/test_call.py \
	    tests/launch/gpu/test_failure.py \
	    --ignore=tests/launch/native/test_leaks.py

# torch goes first: a plain requirement would take the newest build, gigabytes of it.
$(VENV)/.ready: pyproject.toml Makefile setup.py $(wildcard ir_runtime/launch/direct/native/*.[ch] ir_runtime/launch/direct/native/*/*.[ch])
	@command -v g++ >/dev/null || \
	    $(MAKE) --no-print-directory system-package NAME=g++ WHY='torch.compile needs it on the CPU'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    $(MAKE) --no-print-directory system-package NAME=python3-venv WHY='it makes $(VENV)'
	@$(PYTHON) -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' \
	    2>/dev/null || \
	    $(MAKE) --no-print-directory system-package NAME=python3-dev WHY='torch.compile needs it, too'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) '$(TORCH)'
	$(BIN)/$(PIP_INSTALL) --editable '.[dev]'
	touch $@

# The wheel's own files are what is tested, so it is installed anew whenever they change.
$(RUNTIME_VENV)/.ready: $(VENV)/.ready $(shell git ls-files ir_runtime kernels_mlir)
	rm -rf build  # setuptools would pack what it left there
	$(PYTHON) -m venv $(RUNTIME_VENV)
	$(RUNTIME_VENV)/bin/$(PIP_INSTALL) '$(TORCH)'
	$(RUNTIME_VENV)/bin/$(PIP_INSTALL) \
	    'numpy<3' 'iree-base-runtime==3.13.*' 'filelock<5'
	$(RUNTIME_VENV)/bin/$(PIP_INSTALL) --force-reinstall --no-deps .
	touch $@

.PHONY: system-package
system-package:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq $(NAME); \
	else \
	    echo "$(NAME) is missing ($(WHY)); install it, e.g. 'sudo apt-get install $(NAME)'" >&2; \
	    exit 1; \
	fi

clean:
	rm -rf $(VENV) $(RUNTIME_VENV) build *.egg-info
