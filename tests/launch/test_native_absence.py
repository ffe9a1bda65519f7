"""Does the package say why it has no launcher?"""

from __future__ import annotations

import shutil
import subprocess
import sys

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
