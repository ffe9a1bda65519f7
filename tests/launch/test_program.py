"""Is every host function read for what it does, or refused with a reason?"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable

import pytest

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError, split_executables
from ir_runtime.launch.host_program.program_json import load_program
from ir_runtime.launch.host_program.read_program import find_written_operands, read_program
from tests.launch.golden_file import GOLDEN, format_program, golden_program
from tests.launch.hal_phase import GOLDEN_TARGET, compile_phases, read_source
from tests.launch.host_programs import HOST_CASES
from tests.sampling import sampled

REGENERATE = os.environ.get("IR_RUNTIME_TEST_REGENERATE") == "1"
"""Set the variable to 1 to write the golden files anew, after a look at what changed."""

ADD = b"""
func.func @main(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>,
    %out: !hal.buffer {iree.abi.output = 0 : index}) -> tensor<?x8xf32> {
  %0 = arith.addf %a, %b : tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
"""
BRANCH = b"""
func.func @main(%a: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %p = arith.cmpi sgt, %n, %c0 : index
  %r = scf.if %p -> tensor<?xf32> {
    %q = arith.addf %a, %a : tensor<?xf32>
    scf.yield %q : tensor<?xf32>
  } else { scf.yield %a : tensor<?xf32> }
  return %r : tensor<?xf32>
}
"""
DATA_DEPENDENT = b"""
func.func @main(%a: tensor<?xf32>, %n: tensor<1xi64>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %k = tensor.extract %n[%c0] : tensor<1xi64>
  %i = arith.index_cast %k : i64 to index
  %r = tensor.extract_slice %a[0][%i][1] : tensor<?xf32> to tensor<?xf32>
  return %r : tensor<?xf32>
}
"""
STATE = b"""
util.global private mutable @s = dense<0.0> : tensor<4xf32>
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = util.global.load @s : tensor<4xf32>
  %1 = arith.addf %0, %a : tensor<4xf32>
  util.global.store %1, @s : tensor<4xf32>
  return %1 : tensor<4xf32>
}
"""


def hal_text(source: bytes) -> bytes:
    return compile_phases(source, GOLDEN_TARGET)[1]


def reason_of(text: bytes, entry: str = "main") -> str:
    with pytest.raises(UnreadableProgramError) as raised:
        read_program(text, entry)
    return str(raised.value)


@sampled(10, name=tuple(HOST_CASES))
def test_reads_as_before(name: str, store: object) -> None:
    """A change here means that kernels stored before launch differently from new ones."""
    case = HOST_CASES[name]
    program = read_source(case.source(), case.entry, GOLDEN_TARGET + case.flags)
    path = GOLDEN / f"{case.name}.json"
    if REGENERATE:
        path.write_text(format_program(program), "utf-8")
    assert format_program(program) == path.read_text("utf-8")
    assert golden_program(case.name) == program


def test_every_golden_file_is_of_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(HOST_CASES)


def test_a_buffer_takes_a_result_like_a_view() -> None:
    program = read_program(hal_text(ADD), "main")
    assert program.arguments == ("tensor", "tensor", "destination")
    assert program.functions == (("main_dispatch_0_elementwise_D_f32",),)


def test_the_binaries_may_have_been_taken_out() -> None:
    text = hal_text(ADD)
    short, binaries = split_executables(text)
    assert len(short) < len(text) / 1.5
    assert list(binaries) == ["main_dispatch_0"]
    assert binaries["main_dispatch_0"].startswith(b"\x7fELF")
    assert read_program(short, "main") == read_program(text, "main")


def test_text_without_executables_has_no_binaries() -> None:
    assert split_executables(b"module {\n}\n") == (b"module {\n}\n", {})


def test_blocks_that_follow_each_other_are_read_as_one() -> None:
    text, end = hal_text(ADD), b"    %status = hal.fence.await"
    joined = text.replace(end, b"    cf.br ^bb1(%c0 : index)\n  ^bb1(%first: index):\n" + end)
    assert joined != text
    assert read_program(joined, "main") == read_program(text, "main")
    returned = re.compile(rb"    util\.return %view[^\n]*")
    loop = returned.sub(b"    cf.br ^bb1(%first : index)", joined)
    assert loop != joined
    assert reason_of(loop) == "a loop in the host function"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (BRANCH, "control flow in the host function: cf.cond_br"),
        (DATA_DEPENDENT, "hal.buffer.load is not understood"),
        (STATE, "global s__timepoint can change"),
    ],
)
def test_refuses_with_a_reason(source: bytes, reason: str) -> None:
    assert reason_of(hal_text(source)) == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            b'"embedded-elf-x86_64", data',
            b'"vmvx-bytecode-fb", data',
            (
                "executable main_dispatch_0 has format vmvx-bytecode-fb, not one of "
                "embedded-elf-, cuda-nvptx-fb, rocm-hsaco-fb"
            ),
        ),
        (
            b'target("CommandIssue|Dispatch|Transfer") flags("None")',
            b'target("CommandIssue|Dispatch|Transfer") flags("None") attributes {unknown}',
            "attribute unknown of hal.command_buffer.execution_barrier is not understood",
        ),
        (
            b"hal.command_buffer.finalize<",
            (
                b"hal.device.queue.flush<%__device_0 : !hal.device> affinity(%c-1_i64)\n"
                b"hal.command_buffer.finalize<"
            ),
            "hal.device.queue.flush is not understood",
        ),
        (
            b"hal.device.queue.execute<%__device_0 : !hal.device> affinity(%c-1_i64) wait(%0)",
            (
                b"%late = hal.fence.create device(%__device_0 : !hal.device) "
                b'flags("None") : !hal.fence\n'
                b"hal.device.queue.execute<%__device_0 : !hal.device> "
                b"affinity(%c-1_i64) wait(%late)"
            ),
            "hal.device.queue.execute waits for a later operation",
        ),
        (
            b"buffer(%arg2 : !hal.buffer)[%c0,",
            b"buffer(%buffer : !hal.buffer)[%c0,",
            "result 0 is not in its destination",
        ),
        (
            b"buffer(%arg2 : !hal.buffer)[%c0,",
            b"buffer(%arg2 : !hal.buffer)[%c32,",
            "destination 0 does not hold one result",
        ),
        (
            b"= arith.divsi ",
            b"= arith.remsi ",
            None,
        ),
        (b"util.return %view", b"util.return %arg0", "result 0 is not in its destination"),
    ],
)
def test_refuses_what_is_not_as_expected(old: bytes, new: bytes, reason: str | None) -> None:
    text = hal_text(ADD)
    assert text.count(old) == 1
    changed = text.replace(old, new)
    if reason is None:
        assert read_program(changed, "main") != read_program(text, "main")
    else:
        assert reason_of(changed) == reason


def test_an_unknown_operation_without_effects_does_not_matter_unused() -> None:
    text = hal_text(ADD)
    unknown = b"%unknown:2 = arith.addui_extended %c0, %c1 : index, i1\n"
    known = b"%unknown = math.absi %c1 : index\n"
    at = text.index(b"%cmd = hal.command_buffer.create")
    assert reason_of(text[:at] + unknown + text[at:]) == "arith.addui_extended is not understood"
    with_known = text[:at] + known + text[at:]
    assert read_program(with_known, "main") == read_program(text, "main")
    used = with_known.replace(b", %c1, %c1]) constants", b", %unknown, %c1]) constants")
    assert reason_of(used) == "math.absi is not understood"


def test_an_entry_that_is_not_there_is_refused() -> None:
    assert reason_of(hal_text(ADD), "other") == "no function other"


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "no line": lambda line, rng: b"",
    "another value": lambda line, rng: line.replace(b"%c0", b"%c1", 1),
    "shuffled": lambda line, rng: bytes(rng.sample(line, len(line))),
    "another type": lambda line, rng: line.replace(b"!hal.buffer", b"!hal.fence"),
}


@sampled(2, kind=[f"{name}: {damage}" for damage in DAMAGE for name in ("slices", "closed_over")])
def test_damaged_text_is_read_or_refused(kind: str, store: object) -> None:
    """Nothing but a refusal may come of it, whatever line is not as IREE prints it."""
    name, damage = kind.split(": ")
    text, _ = split_executables(hal_text(HOST_CASES[name].source()))
    lines = text.split(b"\n")
    rng = random.Random(0)
    for i, line in enumerate(lines):
        changed = b"\n".join([*lines[:i], DAMAGE[damage](line, rng), *lines[i + 1 :]])
        try:
            program = read_program(changed, "main")
        except UnreadableProgramError:
            continue
        assert load_program(program.to_json()) == program


BRANCHES_ON_STREAMS = """
util.func public @main(%view: !hal.buffer_view, %other: !hal.buffer_view, %p: i1, %n: index) {
  %c0 = arith.constant 0 : index
  %0 = stream.tensor.import %view : !hal.buffer_view -> tensor<4xf32>
      in !stream.resource<external>{%n}
  cf.cond_br %p, ^bb1(%0 : !stream.resource<external>), ^bb2
^bb1(%1: !stream.resource<external>):
  %pattern = arith.constant 0 : i32
  %t = stream.cmd.execute with(%1 as %in: !stream.resource<external>{%n}) {
    stream.cmd.fill %pattern, %in[%c0 for %n] : i32 -> !stream.resource<external>{%n}
  } => !stream.timepoint
  cf.br ^bb2
^bb2:
  util.return
}
"""


def test_what_a_branch_may_write_counts_as_written() -> None:
    assert find_written_operands(BRANCHES_ON_STREAMS, "main") == (0, 1)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("topk", ()),
        ("index_put", (0,)),
        ("slice_update", (0,)),
        ("matmul", ()),
        ("scatter_add", (0,)),
        ("exported_topk", ()),
        ("exported_matmul", ()),
        ("rms_norm_weighted", ()),
        ("two_results", ()),
    ],
)
def test_finds_operands_that_iree_writes(
    name: str, written: tuple[int, ...], store: object
) -> None:
    stream, _, _ = compile_phases(HOST_CASES[name].source(), GOLDEN_TARGET)
    assert find_written_operands(stream, "main") == written
