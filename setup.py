"""What is built beside the Python files?  The launcher, where it can be; all works without it."""

import platform
import sys

from setuptools import Extension, setup

SOURCES = "ir_runtime/launch/direct/native"
FILES = (
    "arena.c", "bound_call.c", "call.c", "executable.c", "facts.c", "gates.c", "load.c",
    "memory.c", "module.c", "plan.c", "pool.c", "processor.c", "report.c", "results.c", "run.c",
    "steps.c", "storage.c", "tensor.c",
)  # fmt: skip
HEADERS = ("dlpack_abi.h", "launcher.h", "library_abi.h")

served = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
launcher = Extension(
    "ir_runtime.launch.direct.native._launcher",
    sources=[f"{SOURCES}/{name}" for name in FILES],
    depends=[f"{SOURCES}/{name}" for name in HEADERS],
    extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra"],
    optional=True,
)

setup(ext_modules=[launcher] if served else [])
