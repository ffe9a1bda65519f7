"""Which executables load, and what does the launcher say of the others?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ir_runtime.launch.direct.native._launcher import Executable, Plan
from tests.launch.native.libraries import (
    SQUARE,
    Function,
    compile_c,
    executable,
    library_source,
    one_step,
    square_plan,
)

NOTHING = Function("nothing", "")


def test_functions_are_named_in_the_order_of_their_ordinals() -> None:
    assert executable(SQUARE, NOTHING).functions == ("square", "nothing")


def test_its_representation_names_it() -> None:
    assert repr(executable(SQUARE, name="cube")) == "<ir_runtime Executable: cube>"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"version": 5}, "its library is of ABI version 5, must be 6"),
        ({"minimum": 7}, "its library is of a later ABI version, must be 6"),
        ({"features": 1}, "asks for features of the host, must ask for none"),
        ({"sanitizer": 1}, "built for a sanitizer, must be built for none"),
        ({"imports": ("?weak", "strong")}, "requires the import strong, must require none"),
        ({"constants": 1}, "has constants of its own, must have none"),
    ],
)
def test_what_a_launch_cannot_give_is_refused(header: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^executable test: {reason}$"):
        executable(NOTHING, **header)


def test_unknown_flags_of_a_function_are_refused() -> None:
    with pytest.raises(ValueError, match="has a function with unknown flags, must have none"):
        executable(Function("odd", "", flags=8))


def test_an_optional_import_is_absent() -> None:
    function = Function("weak", "*(int *)s->bindings[0] = e->imports[0] == 0;", bindings=1)
    loaded = executable(function, imports=("?weak",))
    out = torch.zeros(1, dtype=torch.int32)
    plan = Plan([loaded], 0, 1, [4], [], [("dispatch", 0, 0, (1, 1, 1), (), ((0, 0, 4),))], 4)
    assert plan.run([], [out]) == 0
    assert out.item() == 1


def test_the_processor_is_described() -> None:
    function = Function("ask", "*(unsigned long *)s->bindings[0] = e->processor[0];", bindings=1)
    out = torch.zeros(1, dtype=torch.int64)
    assert one_step(function, (1, 1, 1), 8).run([], [out]) == 0
    flags = Path("/proc/cpuinfo").read_text().split()
    if "avx2" in flags:
        assert out.item() >> 15 & 1
    assert bool(out.item() >> 20 & 1) == ("avx512f" in flags or "sve" in flags)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda elf: b"", "not an ELF file, must be one"),
        (lambda elf: b"MZ" + elf[2:], "not an ELF file, must be one"),
        (lambda elf: elf[:18] + b"\xf3\x00" + elf[20:], "an ELF file for another machine"),
        (lambda elf: elf[:4] + b"\x01" + elf[5:], "an ELF file for another machine"),
        (lambda elf: elf[:16] + b"\x02\x00" + elf[18:], "must be a shared object"),
        (lambda elf: elf[:100], "a truncated ELF file, must be whole"),
        (lambda elf: elf[: len(elf) // 4], "a truncated ELF file, must be whole"),
    ],
)
def test_a_damaged_file_is_refused(damage: object, reason: str) -> None:
    elf = compile_c(library_source((NOTHING,)))
    with pytest.raises(ValueError, match=f"^executable bad: .*{reason}"):
        Executable("bad", damage(elf))


def test_a_library_without_the_query_is_refused() -> None:
    with pytest.raises(ValueError, match="has no iree_hal_executable_library_query"):
        Executable("other", compile_c("int answer(void) { return 42; }"))


def test_a_library_that_needs_a_symbol_is_refused_with_its_name() -> None:
    source = "int lost(void); int here(void) { return lost(); }"
    with pytest.raises(ValueError, match=r"cannot be loaded \(.*undefined symbol: lost.*\)"):
        Executable("other", compile_c(source))


def test_executables_of_one_name_do_not_share_code() -> None:
    def run(number: int) -> int:
        body = f"*(int *)s->bindings[0] = {number};"
        out = torch.zeros(1, dtype=torch.int32)
        plan = one_step(Function("number", body, bindings=1), (1, 1, 1), 4)
        plans.append(plan)
        assert plan.run([], [out]) == 0
        return int(out.item())

    plans: list[Plan] = []
    assert [run(i) for i in range(20)] == list(range(20))


def _mappings() -> int:
    return Path("/proc/self/maps").read_text().count("ir-runtime-unloaded")


def test_an_executable_is_unloaded_with_the_last_plan_that_uses_it() -> None:
    loaded = executable(NOTHING, name="unloaded")
    plan = Plan([loaded], 0, 0, [], [], [("dispatch", 0, 0, (1, 1, 1), (), ())], 0)
    del loaded
    assert _mappings() > 0
    assert plan.run([], []) == 0
    del plan
    assert _mappings() == 0


_WITHOUT_MEMFD = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 319, "aarch64": 279}[__import__("platform").machine()]
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
text = b"".join(struct.pack("HBBI", *rule) for rule in rules)
class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("rules", ctypes.c_char_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(rules), text)), 0, 0) == 0
"""


def test_a_temporary_file_serves_where_anonymous_ones_are_forbidden() -> None:
    program = _WITHOUT_MEMFD + (
        "import torch\n"
        "from tests.launch.native.libraries import square_plan\n"
        "plans = [square_plan(4), square_plan(4)]\n"
        "x, y = torch.randn(4, 64), torch.empty(4, 64)\n"
        "assert all(plan.run([x], [y]) == 0 for plan in plans)\n"
        "assert torch.equal(x * x, y)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_where_no_file_can_be_executed_every_attempt_is_reported() -> None:
    program = _WITHOUT_MEMFD + (
        "import resource\n"
        "from ir_runtime.launch.direct.native._launcher import Executable\n"
        "from tests.launch.native.libraries import *\n"
        "elf = compile_c(library_source((SQUARE,)))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: Executable('square', elf)\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=120, capture_output=True, text=True
    )
    assert done.stdout.startswith(
        "executable square: cannot be loaded (memfd_create: Operation not"
    )
    assert "/tmp: File too large; /dev/shm: File too large" in done.stdout


def test_loading_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    square_plan(1)
    assert list(tmp_path.iterdir()) == []
