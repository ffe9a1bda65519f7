"""What is built beside the Python files?  The launcher, where it can be; all works without it.

With IR_RUNTIME_REQUIRE_LAUNCHER=1 a build without the launcher fails. Otherwise a file takes its
place: it holds the words of the compiler, for `ir-runtime doctor` to show.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = "ir_runtime/launch/direct/native"
FILES = (
    "facts.c", "memory.c", "module.c", "pool.c", "processor.c", "storage.c", "tensor.c",
    "call/bound_call.c", "call/call.c", "call/call_type.c", "call/choice.c",
    "call/choice_type.c", "call/gates.c", "call/peek.c", "call/recent.c", "call/report.c",
    "gpu/code.c", "gpu/constants.c", "gpu/context.c", "gpu/driver.c", "gpu/launch.c",
    "load/executable.c", "load/load.c",
    "plan/arena.c", "plan/change.c", "plan/plan.c", "plan/results.c", "plan/run.c", "plan/steps.c",
)  # fmt: skip
HEADERS = (
    "expectation.h", "gates.h", "launcher.h", "layout.h", "refusal.h", "call/call.h",
    "abi/dlpack.h", "abi/library.h", "gpu/gpu.h",
)  # fmt: skip
FAILURE = "build_failure.txt"  # `ir_runtime.launch.direct.native` reads it
MOST_CHARACTERS = 4000

required = os.environ.get("IR_RUNTIME_REQUIRE_LAUNCHER", "0") not in {"", "0"}
served = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
if required and not served:
    raise SystemExit(
        "IR_RUNTIME_REQUIRE_LAUNCHER: the launcher runs on Linux on x86-64 and aarch64 "
        f"(this is {sys.platform} on {platform.machine()})"
    )
launcher = Extension(
    "ir_runtime.launch.direct.native._launcher",
    sources=[f"{SOURCES}/{name}" for name in FILES],
    include_dirs=[SOURCES],
    depends=[f"{SOURCES}/{name}" for name in HEADERS],
    extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra"],
    optional=not required,
)


class BuildLauncher(build_ext):
    """Builds the extension, and keeps what the compiler says if that fails."""

    def run(self):
        """Build; leave the compiler's words where the extension would be, or nothing."""
        self.failure = ""
        super().run()
        place = Path(self.get_ext_fullpath(launcher.name)).with_name(FAILURE)
        if self.failure:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.failure)
        else:
            place.unlink(missing_ok=True)

    def build_extension(self, ext):
        """Build it, and listen to the compiler on the standard error of the process."""
        sys.stderr.flush()
        error_output = os.dup(2)
        with tempfile.TemporaryFile("w+", errors="replace") as heard:
            os.dup2(heard.fileno(), 2)
            try:
                super().build_extension(ext)
            except Exception as error:
                self.failure = f"{error}\n"
                raise
            finally:
                os.dup2(error_output, 2)
                os.close(error_output)
                heard.seek(0)
                said = heard.read()
                sys.stderr.write(said)
                self.failure = self.failure and f"{said[:MOST_CHARACTERS]}{self.failure}"


setup(ext_modules=[launcher] if served else [], cmdclass={"build_ext": BuildLauncher})
