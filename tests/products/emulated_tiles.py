"""AMX tiles in vectors of AVX-512, so that kernels for AMX run on a CPU without it.

A tile becomes a vector of 16 x 16 words, and each instruction on tiles a function on them. Sums are
rounded in another order than the instruction's, so results differ in the last bits of float32.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ir_runtime.device.cpu import host_cpu_target
from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.op_reg import JinjaTemplateLoader, forget_kernels

__all__ = ["can_emulate", "emulated_tiles"]

TILE = "vector<16x16xi32>"
_INTRINSIC = re.compile(r'llvm\.call_intrinsic "llvm\.x86\.(\w+)\.internal"\(([^)]*)\) : .*')
_FUNCTIONS = {
    "tilezero": ("tile_zero", f"() -> {TILE}", slice(0)),
    "tileloadd64": ("tile_load", f"(!llvm.ptr, i64) -> {TILE}", slice(2, 4)),
    "tilestored64": ("tile_store", f"(!llvm.ptr, i64, {TILE}) -> ()", slice(2, 5)),
    "tdpbf16ps": ("tile_dot", f"({TILE}, {TILE}, {TILE}) -> {TILE}", slice(3, 6)),
}
_ROW, _SUMS, _PAIRS = "vector<16xi32>", "vector<16xf32>", "vector<32xbf16>"


def can_emulate() -> bool:
    return this_machine().has("avx512bf16")


@contextlib.contextmanager
def emulated_tiles(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Make kernels for this CPU with AMX, and replace its instructions, in a `with` block.

    At the end, a kernel with such instructions must have been made.
    """
    render, seen = JinjaTemplateLoader.render, [False]

    def emulated(self: JinjaTemplateLoader, file: str, params: Mapping[str, Any]) -> str:
        text = render(self, file, params)
        seen[0] |= "tdpbf16ps" in text
        return _emulated(text)

    own = host_cpu_target()
    features = dict.fromkeys((*own.features, "+amx-tile", "+amx-bf16"))
    with monkeypatch.context() as patch:
        patch.setattr(JinjaTemplateLoader, "render", emulated)
        with code_for(replace(this_machine(), cpu=replace(own, features=tuple(features)))):
            forget_kernels()
            yield
    forget_kernels()
    assert seen[0], "no kernel has tiles"


def _emulated(text: str) -> str:
    if "x86_amx" not in text:
        return text

    def call(match: re.Match[str]) -> str:
        function, kind, places = _FUNCTIONS[match[1]]
        operands = [operand.strip() for operand in match[2].split(",")]
        return f"func.call @{function}({', '.join(operands[places])}) : {kind}"

    body = _INTRINSIC.sub(call, text).replace("!llvm.x86_amx", TILE)
    return body.replace("  builtin.module {\n", f"  builtin.module {{\n{_functions()}", 1)


def _functions() -> str:
    load = [f"%v_0 = arith.constant dense<0> : {TILE}"]
    store: list[str] = []
    for r in range(16):
        place = [
            f"%n{r} = llvm.mlir.constant({r} : i64) : i64",
            f"%o{r} = llvm.mul %n{r}, %stride : i64",
            f"%p{r} = llvm.getelementptr %p[%o{r}] : (!llvm.ptr, i64) -> !llvm.ptr, i8",
        ]
        load += [
            *place,
            (
                f'%r{r} = "llvm.load"(%p{r}) <{{alignment = 4 : i64, ordering = 0 : i64}}>'
                f" : (!llvm.ptr) -> {_ROW}"
            ),
            f"%v_{r + 1} = vector.insert %r{r}, %v_{r} [{r}] : {_ROW} into {TILE}",
        ]
        store += [
            *place,
            f"%r{r} = vector.extract %v[{r}] : {_ROW} from {TILE}",
            (
                f'"llvm.store"(%r{r}, %p{r}) <{{alignment = 4 : i64, ordering = 0 : i64}}>'
                f" : ({_ROW}, !llvm.ptr) -> ()"
            ),
        ]
    return "\n".join(
        (
            f"func.func private @tile_zero() -> {TILE} {{",
            f"%v = arith.constant dense<0> : {TILE}",
            f"return %v : {TILE} }}",
            f"func.func private @tile_load(%p: !llvm.ptr, %stride: i64) -> {TILE} {{",
            *load,
            f"return %v_16 : {TILE} }}",
            f"func.func private @tile_store(%p: !llvm.ptr, %stride: i64, %v: {TILE}) {{",
            *store,
            "return }",
            f"func.func private @tile_dot(%c: {TILE}, %a: {TILE}, %b: {TILE}) -> {TILE} {{",
            *_dot(),
            f"return %v_16 : {TILE} }}\n",
        )
    )


def _dot() -> list[str]:
    lines = [f"%v_0 = arith.constant dense<0> : {TILE}"]
    for k in range(16):
        lines += [
            f"%b{k} = vector.extract %b[{k}] : {_ROW} from {TILE}",
            f"%bp{k} = vector.bitcast %b{k} : {_ROW} to {_PAIRS}",
        ]
    for r in range(16):
        lines += [
            f"%c{r} = vector.extract %c[{r}] : {_ROW} from {TILE}",
            f"%s{r}_0 = vector.bitcast %c{r} : {_ROW} to {_SUMS}",
        ]
        for k in range(16):
            x = f"{r}_{k}"
            lines += [
                f"%a{x} = vector.extract %a[{r}, {k}] : i32 from {TILE}",
                f"%x{x} = vector.broadcast %a{x} : i32 to {_ROW}",
                f"%y{x} = vector.bitcast %x{x} : {_ROW} to {_PAIRS}",
                (
                    f'%s{r}_{k + 1} = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"'
                    f"(%s{x}, %y{x}, %bp{k}) : ({_SUMS}, {_PAIRS}, {_PAIRS}) -> {_SUMS}"
                ),
            ]
        lines += [
            f"%d{r} = vector.bitcast %s{r}_16 : {_SUMS} to {_ROW}",
            f"%v_{r + 1} = vector.insert %d{r}, %v_{r} [{r}] : {_ROW} into {TILE}",
        ]
    return lines
