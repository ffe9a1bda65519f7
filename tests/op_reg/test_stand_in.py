"""Do the kernels of an op serve a torch op that it stands in for?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.errors import GenerateError, RegistrationError
from ir_runtime.op_reg import (
    ALL_CUSTOM_OP_REGS,
    CustomOp,
    KernelSelection,
    def_library,
    explain,
    register_vmap,
)
from ir_runtime.op_reg.call.bind import bind_raw
from ir_runtime.op_reg.digest.op_digest import function_digest
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.stand_in import op_named, register_stand_in, stand_in_for
from ir_runtime.op_reg.traced_op import traced_op
from tests.op_reg import ops
from tests.op_reg.ops import make_op, op_of

LIBRARY = def_library("ir_tests_stand_in")
SCHEMA = "(Tensor x, Tensor? weight=None, float shift=1.0) -> Tensor"


def shifted(x: Tensor, weight: Tensor | None = None, shift: float = 1.0) -> Tensor:
    y = torch.tanh(x) + shift
    return y if weight is None else y * weight


def torch_op(name: str, native: Callable[..., Any] = shifted, schema: str = SCHEMA) -> Any:
    """Define an op that torch knows and this package does not."""
    LIBRARY.define(name + schema)
    LIBRARY.impl(name, native, "CompositeExplicitAutograd")
    torch.library.register_fake(f"{LIBRARY.ns}::{name}", native, lib=LIBRARY)
    return getattr(getattr(torch.ops, LIBRARY.ns), name)


def kernel(native: Callable[..., Any] = shifted, schema: str = SCHEMA) -> CustomOp:
    return traced_op("kernel_@UNIQUE@", native, schema=schema, activations=[0], library=LIBRARY)


OUTER, KERNEL = torch_op("shifted"), kernel()
register_stand_in(f"{LIBRARY.ns}::shifted", lambda: KERNEL)


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(8))

    def forward(self, x: Tensor) -> Tensor:
        return OUTER(x * 2, self.weight, 0.25).sum(-1)


def test_an_exported_program_holds_the_stand_ins_kernel() -> None:
    model, x = Model().eval(), torch.randn(5, 8)
    program = aot.export(model, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    text = program.mlir()
    assert KERNEL.qualified_name.replace("::", "_") in text
    assert "torch.operator" not in text
    with torch.no_grad():
        for rows in (5, 3):
            x = torch.randn(rows, 8)
            torch.testing.assert_close(program(x), model(x))


def test_two_calls_share_a_kernel() -> None:
    program = aot.export(lambda x: OUTER(OUTER(x)), (torch.randn(5, 8),))
    name = KERNEL.qualified_name.replace("::", "_")
    assert program.mlir().count(f"util.func private @{name}") == 1


def test_inline_torch_of_a_function_that_calls_it() -> None:
    def select(self: Any, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0)
        x.specialize_dims(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self: Any, ksel: KernelSelection, kb: Any) -> None:
        kb.yield_results(kb.inline_torch(lambda x: OUTER(x) * 3, kb.arg(0)))

    packet = make_op("calls_it_@UNIQUE@(Tensor x) -> Tensor", select, generate)
    for rows in (4, 2):
        x = torch.randn(rows, 8)
        torch.testing.assert_close(packet(x), shifted(x) * 3)


def test_it_is_what_tools_take_the_torch_op_for() -> None:
    x = torch.randn(4, 16)
    for op in (OUTER, OUTER.default, f"{LIBRARY.ns}::shifted"):
        assert registered_op(op) is KERNEL
    assert KERNEL.name in str(explain(OUTER, x))
    torch.testing.assert_close(bind_raw(OUTER, x)(x), shifted(x))


def test_eager_calls_of_the_torch_op_stay_what_they_are() -> None:
    x = torch.randn(4, 8)
    with count_since() as counts:
        assert torch.equal(OUTER(x), shifted(x))
    assert counts[0].selects == 0


def test_a_vmap_rule_by_the_name_of_the_torch_op_is_the_stand_ins() -> None:
    outer, stand_in = torch_op("batched"), kernel()
    register_stand_in(f"{LIBRARY.ns}::batched", lambda: stand_in)
    register_vmap(outer, "loop")
    x = torch.randn(3, 4, 8)
    torch.testing.assert_close(torch.vmap(stand_in.overload)(x), shifted(x))


def test_digests_cover_its_code() -> None:
    def plus(amount: float) -> CustomOp:
        return kernel(lambda x: x + amount, "(Tensor x) -> Tensor")

    outer = torch_op("plus", lambda x: x + 1, "(Tensor x) -> Tensor")
    name = f"{LIBRARY.ns}::plus"
    without = function_digest(outer), function_digest(_calls_plus)
    found = []
    for amount in (1.0, 1.0, 2.0):
        op = plus(amount)
        register_stand_in(name, lambda op=op: op)
        found.append((function_digest(outer), function_digest(_calls_plus)))
    assert found[0] == found[1]
    for i in range(2):
        assert len({without[i], found[0][i], found[2][i]}) == 3


def _calls_plus(x: Tensor) -> Tensor:
    return torch.ops.ir_tests_stand_in.plus(x)


def test_a_torch_op_without_a_kernel_at_the_moment_is_none_of_ours() -> None:
    outer = torch_op("without")
    register_stand_in(f"{LIBRARY.ns}::without", lambda: None)
    assert op_named(f"{LIBRARY.ns}::without") is None
    with pytest.raises(RegistrationError, match="not an op of ir_runtime"):
        registered_op(outer)


def test_a_stand_in_that_names_what_it_stands_in_for_is_found() -> None:
    name = f"{LIBRARY.ns}::itself"
    register_stand_in(name, lambda: stand_in_for(name) or KERNEL)
    assert stand_in_for(name) is KERNEL


def test_an_op_with_kernels_needs_no_stand_in() -> None:
    name = op_of(ops.add).qualified_name
    with pytest.raises(RegistrationError, match=f"^{name}: it has kernels of its own"):
        register_stand_in(name, lambda: KERNEL)
    assert op_named(name) is ALL_CUSTOM_OP_REGS[name]


def test_another_overload_is_refused() -> None:
    from iree.compiler.ir import Context, Module

    from ir_runtime.op_reg import ExpandCustomOpsPass

    vector = "!torch.vtensor<[4],f32>"
    text = f"""func.func @main(%x: {vector}) -> {vector} {{
      %0 = torch.operator "torch.{LIBRARY.ns}.shifted.out"(%x) : ({vector}) -> {vector}
      return %0 : {vector}
    }}"""
    module = Module.parse(text, Context())
    with pytest.raises(GenerateError, match="calls the overload 'out'"):
        ExpandCustomOpsPass(module.operation).run()
