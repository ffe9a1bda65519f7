"""Whole programs launch directly: the same results, errors and memory as in IREE's VM."""

from __future__ import annotations

import gc
import itertools
import os
import platform
import threading
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, LaunchError
from ir_runtime.launch import DirectoryStore, Launchable
from ir_runtime.settings import override_settings
from tests.launch.native.memory import guarded, survives

F = "tensor<?x8xf32>"
ADD = f"""func.func @main(%x: {F}, %y: {F}) -> {F} {{
  %r = arith.addf %x, %y : {F}
  return %r : {F}
}}"""
SEVERAL = f"""func.func @main(%x: {F}, %y: {F}) -> ({F}, {F}, tensor<8x?xf32>) {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : {F}
  %r = arith.addf %x, %y : {F}
  %s = arith.mulf %x, %y : {F}
  %e = tensor.empty(%n) : tensor<8x?xf32>
  %t = linalg.transpose ins(%s : {F}) outs(%e : tensor<8x?xf32>) permutation = [1, 0]
  return %r, %s, %t : {F}, {F}, tensor<8x?xf32>
}}"""
RETURNED = f"""func.func @main(%x: {F}, %y: {F}) -> ({F}, tensor<?xf32>, {F}, {F}) {{
  %r = arith.addf %x, %y : {F}
  %flat = tensor.collapse_shape %y [[0, 1]] : {F} into tensor<?xf32>
  return %x, %flat, %r, %r : {F}, tensor<?xf32>, {F}, {F}
}}"""
NUMBERS = f"""func.func @main(%x: {F}, %s: f32, %n: i64, %b: i1) -> (i64, {F}, f32, i1, i64) {{
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : {F}
  %e = tensor.empty(%d) : {F}
  %f = linalg.fill ins(%s : f32) outs(%e : {F}) -> {F}
  %r = arith.mulf %x, %f : {F}
  %m = arith.muli %n, %n : i64
  %i = arith.index_cast %d : index to i64
  return %m, %r, %s, %b, %i : i64, {F}, f32, i1, i64
}}"""
SMALL = """func.func @main(%x: tensor<5xi64>) -> (tensor<5xi64>, tensor<5xi64>) {
  %c = arith.constant dense<[1, 2, 3, 5, 8]> : tensor<5xi64>
  %r = arith.addi %x, %c : tensor<5xi64>
  return %c, %r : tensor<5xi64>, tensor<5xi64>
}"""


def _large() -> str:
    table = np.arange(600 * 600, dtype=np.float32)
    return f"""func.func @main(%x: tensor<600x600xf32>) -> (tensor<600x600xf32>, tensor<600xf32>) {{
  %c = arith.constant dense<"0x{table.tobytes().hex()}"> : tensor<600x600xf32>
  %r = arith.addf %x, %c : tensor<600x600xf32>
  %row = tensor.extract_slice %c[3, 0] [1, 600] [1, 1] : tensor<600x600xf32> to tensor<600xf32>
  return %r, %row : tensor<600x600xf32>, tensor<600xf32>
}}"""


COMPUTED = """
util.global private @seed = dense<3.0> : tensor<64xf32>
util.global private @table : tensor<64xf32>
util.initializer {
  %s = util.global.load @seed : tensor<64xf32>
  %o = util.optimization_barrier %s : tensor<64xf32>
  %t = math.exp %o : tensor<64xf32>
  util.global.store %t, @table : tensor<64xf32>
  util.return
}
func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> {
  %t = util.global.load @table : tensor<64xf32>
  %r = arith.addf %x, %t : tensor<64xf32>
  return %r : tensor<64xf32>
}"""


def rows(n: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(n)
    return torch.randn(n, 8, generator=draw), torch.randn(n, 8, generator=draw)


PROGRAMS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "one result": (ADD, [rows(4), rows(0), rows(1), rows(40_000)]),
    "several results": (SEVERAL, [rows(4), rows(0), rows(700)]),
    "arguments and equal values returned": (RETURNED, [rows(4), rows(33)]),
    "numbers": (
        NUMBERS,
        [
            (rows(4)[0], 2.5, -7, True),
            (rows(4)[0], np.float32(-0.0), torch.tensor(3), False),
            (rows(2)[0], 1, np.int64(1 << 40), 1),
        ],
    ),
    "a constant returned": (SMALL, [(torch.arange(5),)]),
    "a constant over 1 MiB": (_large(), [(torch.randn(600, 600),)]),
    "a global computed at load": (COMPUTED, [(torch.randn(64),)]),
}


def as_list(result: Any) -> list[Any]:
    return list(result) if isinstance(result, list) else [result]


def bits(result: Any) -> list[Any]:
    return [
        (v.dtype, v.shape, v.contiguous().view(torch.uint8).numpy().tobytes())
        if isinstance(v, Tensor)
        else (type(v), v)
        for v in as_list(result)
    ]


def strided(x: Any) -> Any:
    if not isinstance(x, Tensor) or x.dim() < 1:
        return x
    return x.repeat_interleave(2, -1)[..., ::2]


def misaligned(x: Any) -> Any:
    if not isinstance(x, Tensor) or x.dim() < 1:
        return x
    return torch.empty(x.numel() + 1, dtype=x.dtype)[1:].view(x.shape).copy_(x)


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_executors_give_the_same_bits(name: str):
    source, calls = PROGRAMS[name]
    program = Launchable.jit_compile(source)
    for args in calls:
        with override_settings(launch="vm"):
            expected = bits(program(*args))
        for layout in (lambda x: x, strided, misaligned):
            given = [layout(value) for value in args]
            assert program.explain(*given).executor == "direct"
            for _ in range(2):  # a miss, then a hit
                assert bits(program(*given)) == expected, (args, layout)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "a constant over 1 MiB"])
def test_results_have_memory_of_their_own(name: str):
    source, calls = PROGRAMS[name]
    program = Launchable.jit_compile(source)
    args = calls[0]
    expected = bits(program(*args))
    first = as_list(program(*args))
    storages = [v.untyped_storage() for v in (*first, *args) if isinstance(v, Tensor) and v.dim()]
    spans = sorted((s.data_ptr(), s.data_ptr() + s.nbytes()) for s in storages)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    for value in first:
        if isinstance(value, Tensor):
            value.zero_()
    assert bits(program(*args)) == expected


def test_repeated_calls_are_served_by_the_c_launcher():
    program = Launchable.jit_compile(ADD)
    (x, y), (a, b) = rows(3), rows(5)
    program(x, y)
    program(a, b)
    fast = program._calls.fast
    assert fast is not None
    for _ in range(3):
        assert torch.equal(program(x, y), x + y)
        assert torch.equal(program(a, b), a + b)
    assert fast.hits == 6
    assert torch.equal(program(strided(x), y), x + y)
    leaf = x.clone().requires_grad_()
    assert not program(leaf, y).requires_grad
    assert torch.equal(program(torch._neg_view(x), y), y - x)


def test_results_that_are_packed_are_served_by_the_c_launcher_each_in_memory_of_its_own():
    program = Launchable.jit_compile(SEVERAL)
    for args in (rows(3), rows(700)):
        expected = bits(program(*args))
        before = 0 if program._calls.fast is None else program._calls.fast.hits
        first, second, third = program(*args)
        assert program._calls.fast is not None
        assert program._calls.fast.hits == before + 1
        assert bits([first, second, third]) == expected
        sizes = [value.untyped_storage().nbytes() for value in (first, second, third)]
        assert sizes == [value.nbytes for value in (first, second, third)]


@pytest.mark.parametrize("args", [(), rows(3)[:1], (*rows(3), *rows(3))], ids=len)
def test_a_wrong_number_of_arguments_is_refused_by_both_in_the_same_words(args: tuple[Any, ...]):
    program = Launchable.jit_compile(ADD)
    program(*rows(3))
    for launch in ("auto", "direct", "vm"):
        with override_settings(launch=launch), pytest.raises(ArgumentError) as caught:
            program(*args, device="cpu")
        assert str(caught.value) == f"program: {len(args)} arguments, must be 2"


def test_tensors_that_do_not_fit_are_refused_in_the_words_of_the_vm():
    program = Launchable.jit_compile(ADD)
    program(*rows(3))
    for args in ((torch.ones(3, 7), torch.ones(3, 8)), (torch.ones(3, 8).long(), torch.ones(3, 8))):
        said = []
        for launch in ("auto", "vm"):
            with override_settings(launch=launch), pytest.raises(LaunchError) as caught:
                program(*args)
            said.append(str(caught.value))
        assert said[0] == said[1]
        assert "does not fit the program" in program.explain(*args).reason
        with override_settings(launch="direct"), pytest.raises(LaunchError):
            program(*args)


@pytest.mark.parametrize("name", ["one result", "several results"])
def test_outputs_are_written_where_they_lie_if_they_can_be(name: str):
    source, _ = PROGRAMS[name]
    program = Launchable.jit_compile(source)
    x, y = rows(5)
    expected = as_list(program(x, y))
    outs = [torch.full_like(value, 7.0) for value in expected]
    versions = [out._version for out in outs]
    assert all(a is b for a, b in zip(as_list(program(x, y, outputs=outs)), outs, strict=True))
    assert bits(outs) == bits(expected)
    assert all(out._version > version for out, version in zip(outs, versions, strict=True))
    odd = [misaligned(torch.empty_like(value)) for value in expected]
    program(x, y, outputs=odd)
    assert bits(odd) == bits(expected)
    if len(expected) == 1:
        program(x, y, outputs=[x])  # an argument
        assert bits(x) == bits(expected)
    for wrong in ([], [torch.empty(9)] * len(expected), [1] * len(expected)):
        if wrong:
            with pytest.raises(ArgumentError):
                program(*rows(5), outputs=wrong)


def test_what_cannot_be_launched_directly_says_why():
    add = Launchable.jit_compile(ADD)
    x, y = rows(3)
    assert str(add.explain(x, y)).startswith(
        "program(f32[3, 8], f32[3, 8])\n  executor  direct: its host program is understood\n"
    )
    with Device("local-sync"):
        found = add.explain(x, y)
        assert torch.equal(add(x, y), x + y)
    assert (found.executor, found.reason) == ("vm", "the call runs on local-sync")
    with override_settings(launch="vm"):
        assert add.explain(x, y).reason == "IR_RUNTIME_LAUNCH=vm"
    counter = Launchable.jit_compile(
        """util.global private mutable @n = 0 : i64
func.func @main(%x: i64) -> i64 {
  %n = util.global.load @n : i64
  %r = arith.addi %n, %x : i64
  util.global.store %r, @n : i64
  return %r : i64
}"""
    )
    reason = "its host program is not understood: "
    assert counter.explain(1, device="cpu").reason.startswith(reason)
    assert [counter(n, device="cpu") for n in (2, 3)] == [2, 5]
    with override_settings(launch="direct"), pytest.raises(LaunchError) as caught:
        counter(1, device="cpu")
    assert str(caught.value).startswith(
        f"program: cannot be launched directly, and IR_RUNTIME_LAUNCH=direct\n    {reason}"
    )


def test_numbers_that_change_with_each_call_go_to_the_vm():
    program = Launchable.jit_compile(NUMBERS)
    x = rows(2)[0]
    for n in range(100):
        assert program(x, 1.0, n, True)[0] == n * n
        assert program(x, 1.0, torch.tensor(n), True)[0] == n * n
    assert program.explain(x, 1.0, 1000, True).reason == "its numbers change from call to call"
    assert program.explain(x, 1.0, 3, True).executor == "direct"  # its plan is there


def test_what_is_remembered_of_numbers_is_bounded():
    program = Launchable.jit_compile(NUMBERS)
    with override_settings(bound_launches=4):
        for n in range(1, 12):
            assert program(rows(n)[0], 1.0, n, True)[4] == n
            assert len(program._calls._plans) <= 4
            assert len(program._calls._by_key) <= 4


def test_a_program_follows_the_setting_of_the_cpu():
    program, (x, y) = Launchable.jit_compile(ADD), rows(3)
    assert torch.equal(program(x, y), x + y)
    with override_settings(cpu="x86-64" if platform.machine() == "x86_64" else "aarch64"):
        with count_since() as counts:
            assert torch.equal(program(x, y), x + y)
        assert counts[0].compiles + counts[0].store_hits == 1


def test_threads_of_one_program_do_not_meet():
    programs = [Launchable.jit_compile(source) for source in (ADD, SEVERAL)]
    calls = [rows(n) for n in (2, 3, 900)]
    wanted = [[bits(program(*args)) for args in calls] for program in programs]
    wrong: list[Any] = []

    def work(start: int) -> None:
        for i in range(start, start + 60):
            for program, expected in zip(programs, wanted, strict=True):
                if bits(program(*calls[i % 3])) != expected[i % 3]:
                    wrong.append(i)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_child_runs_the_programs_of_its_parent():
    large, several = (Launchable.jit_compile(PROGRAMS[n][0]) for n in list(PROGRAMS)[5:0:-4])
    x = torch.randn(600, 600)
    first, second = bits(large(x)), bits(several(*rows(3)))
    child = os.fork()
    if child == 0:
        same = (bits(large(x)), bits(several(*rows(3)))) == (first, second)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("name", ["one result", "several results", "a constant over 1 MiB"])
def test_a_program_goes_with_its_last_reference(name: str):
    source, calls = PROGRAMS[name]
    program = Launchable.jit_compile(source)
    kept = as_list(program(*calls[0]))
    for _ in range(3):
        program(*calls[0])
    gone = weakref.ref(program)
    wanted = bits(kept)
    del program
    assert gone() is None
    gc.collect()
    assert bits(kept) == wanted  # results outlive it


@pytest.mark.parametrize("source", [ADD, SEVERAL], ids=["one result", "several results"])
def test_programs_stay_inside_their_buffers(source: str):
    program = Launchable.jit_compile(source)
    x, y = (value.contiguous() for value in rows(8))
    results = as_list(program(x, y))
    expected = bits(results)
    a, b, outs = guarded(x), guarded(y), [guarded(torch.empty_like(value)) for value in results]

    def run() -> bool:
        program(a, b, outputs=outs)
        return bits(outs) == expected

    assert survives(run)


def test_a_stored_program_is_launched_directly(store: DirectoryStore):
    kind = "tensor<4xf32>"
    source = "".join(
        f"func.func @{name}(%a: {kind}) -> {kind} {{\n %0 = {op} %a, %a : {kind}\n"
        f" return %0 : {kind}\n}}\n"
        for name, op in (("main", "arith.addf"), ("other", "arith.mulf"))
    )
    x = torch.randn(4)
    assert torch.equal(Launchable.jit_compile(source, file_cache_dir=store.root)(x), x + x)
    again = Launchable.from_file_cache_only(store.root)
    with count_since() as counts:
        assert torch.equal(again(x), x + x)
    assert counts[0].compiles == 0
    assert again.explain(x).executor == "direct"
    other = Launchable.from_file_cache_only(store.root, entry_point="other")
    assert other.explain(x).reason == "its stored host program is of the function main"
    assert torch.equal(other(x), x * x)
