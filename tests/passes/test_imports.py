"""The package of passes imports Inductor late, and has all its names."""

from __future__ import annotations

import subprocess
import sys

from ir_runtime import passes


def test_the_package_alone_does_not_import_inductor():
    program = "import sys, ir_runtime.passes; sys.exit('torch._inductor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=250).returncode == 0


def test_each_public_name_is_there_and_is_no_module():
    modules = [name for name in passes.__all__ if type(getattr(passes, name)).__name__ == "module"]
    assert modules == []
    assert set(passes.__all__) <= set(dir(passes))
