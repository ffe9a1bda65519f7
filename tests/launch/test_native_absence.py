"""Does the package say why it has no launcher?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ir_runtime.launch.direct.native import why_absent

_ALLOCATOR = "torch._C._dynamo.guards._empty_strided_cpu"
HAVE = "from ir_runtime.launch.direct.native import why_absent; print(why_absent())"


def _reason(preparation: str) -> str:
    command = [sys.executable, "-c", f"{preparation}\n{HAVE}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


def test_a_launcher_that_was_not_built_is_absent() -> None:
    hide = "import sys; sys.modules['ir_runtime.launch.direct.native._launcher'] = None"
    assert _reason(hide) == "it was not built when the package was installed"


def test_other_machines_are_named() -> None:
    hide = "import sys; sys.modules['ir_runtime.launch.direct.native._launcher'] = None"
    other = f"{hide}; import platform; platform.machine = lambda: 'riscv64'"
    reason = "it runs on Linux on x86-64 and aarch64 (this is linux on riscv64)"
    assert _reason(other) == reason


@pytest.mark.skipif(why_absent() is not None, reason="the launcher is absent anyway")
@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (
            "del torch.Tensor.__dlpack_c_exchange_api__",
            "this torch gives C no view of its tensors (no Tensor.__dlpack_c_exchange_api__)",
        ),
        (
            f"del {_ALLOCATOR}",
            f"this torch has no quick allocator of CPU tensors ({_ALLOCATOR})",
        ),
    ],
)
def test_a_torch_that_lacks_what_is_needed_is_named(missing: str, reason: str) -> None:
    assert _reason(f"import torch; {missing}") == reason


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_launcher_was_built_where_it_can_be() -> None:
    assert "not built" not in (why_absent() or "")


def test_a_run_that_requires_the_launcher_skips_none_of_its_tests() -> None:
    code = (
        "import sys, torch, pytest; del torch.Tensor.__dlpack_c_exchange_api__; "
        "sys.exit(pytest.main(['--collect-only', '-q', '-n0', 'tests/direct/test_fast_calls.py']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "IR_RUNTIME_REQUIRE_LAUNCHER": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "the C launcher is absent: this torch gives C no view" in done.stderr
