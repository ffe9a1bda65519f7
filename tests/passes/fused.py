"""Graphs for tests of fusions: traced as Inductor's post-grad graphs are, then run as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch._inductor.decomposition import select_decomp_table
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext
from torch.utils import _pytree as pytree

from ir_runtime.op_reg.op.native import NATIVES
from ir_runtime.passes.fusion.fused_rows import fused_op, is_fused
from ir_runtime.passes.fusion.program import program_of
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import PassRecord

F8 = torch.float8_e4m3fn
WIDTH = 64
OPS = torch.ops.ir_runtime


ROWS = 5
"""Dimensions of this size are symbols in a dynamic graph."""


def traced(function: Callable[..., Any], *args: Any, dynamic: bool = True) -> fx.GraphModule:
    """Return the graph of a function, with fake tensors in `meta["val"]`."""
    mode = FakeTensorMode(shape_env=ShapeEnv())

    def fake(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        kinds = [
            DimDynamic.DYNAMIC if dynamic and s == ROWS else DimDynamic.STATIC for s in value.shape
        ]
        return mode.from_tensor(
            value, symbolic_context=StatelessSymbolicContext(dynamic_sizes=kinds)
        )

    with mode:
        module = make_fx(function, decomposition_table=select_decomp_table())(*map(fake, args))
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def is_bf16(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bfloat16


def run_pass(module: fx.GraphModule, *passes: GraphPass) -> PassRecord:
    """Run passes on a graph, check that the graph is whole, and return the last record."""
    record = PassRecord("none")
    for each in passes:
        record = PassRecord(each.name)
        each.run(module.graph, record)
    module.graph.lint()
    module.recompile()
    return record


@dataclass(frozen=True)
class Fused:
    """A graph before and after a pass.

    Attributes:
        plain: before.
        module: after.
        record: of the pass.
    """

    plain: fx.GraphModule
    module: fx.GraphModule
    record: PassRecord

    @property
    def calls(self) -> list[fx.Node]:
        """The calls of fused ops."""
        return [n for n in self.module.graph.nodes if is_fused(n.target)]

    @property
    def programs(self) -> list[str]:
        """Their programs."""
        return [str(n.args[0]) for n in self.calls]

    @property
    def steps(self) -> list[list[str]]:
        """The ops of each program, without overloads."""
        return [
            [s.target._schema.name.partition("::")[2] for s in program_of(p).steps]
            for p in self.programs
        ]

    def check(self, *args: Any) -> None:
        """Run both graphs, the fused one by row kernels alone, and compare all results.

        Each must be that of torch's operators, or, in bfloat16, what they give if nothing is
        rounded between them.
        """
        wanted = pytree.tree_leaves(_Natively(self.plain).run(*args))
        widened = [a.float() if is_bf16(a) else a for a in args]
        unrounded = pytree.tree_leaves(_Unrounded(self.plain).run(*widened))
        found = pytree.tree_leaves(_ByKernels(self.module).run(*args))
        for want, wide, got in zip(wanted, unrounded, found, strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            assert got.is_contiguous() == want.is_contiguous()
            atol, rtol = {torch.bfloat16: (1e-3, 1.6e-2), F8: (1e-2, 0.13)}.get(
                got.dtype, (1e-5, 1e-5)
            )
            one = want if torch.allclose(got.float(), want.float(), rtol, atol) else wide
            torch.testing.assert_close(got.float(), one.float(), atol=atol, rtol=rtol)


class _Natively(fx.Interpreter):
    """Runs a graph, each IR op by its native: no kernel is compiled to compare with."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        name = target._schema.name if isinstance(target, torch._ops.OpOverload) else ""
        return super().call_function(NATIVES.get(name, target), args, kwargs)


class _Unrounded(_Natively):
    """The same of a graph whose tensors of bfloat16 are float32."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        args = tuple(torch.float32 if a is torch.bfloat16 else a for a in args)
        kwargs = {k: torch.float32 if v is torch.bfloat16 else v for k, v in kwargs.items()}
        return super().call_function(target, args, kwargs)


class _ByKernels(fx.Interpreter):
    """Runs a graph, and fails if something else than a row kernel computes a fused op."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        result = super().call_function(target, args, kwargs)
        if is_fused(target):
            program, inputs = args
            op = fused_op(program)
            assert op.dispatch(*inputs).provider == "iree"
            if all(t.numel() for t in inputs):
                assert "chosen: a row kernel" in str(op.explain(*inputs))
        return result


def fused(by: GraphPass, function: Callable[..., Any], *args: Any, dynamic: bool = True) -> Fused:
    """Trace a function and run a pass on its graph."""
    module = traced(function, *args, dynamic=dynamic)
    plain = fx.GraphModule(module, fx.Graph())
    plain.graph.output(plain.graph.graph_copy(module.graph, {}))
    plain.recompile()
    return Fused(plain, module, run_pass(module, by))


def rows(count: int, width: int = WIDTH, dtype: torch.dtype = torch.float32, seed: int = 0) -> Any:
    """Make rows of normal random numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator).to(dtype)


def weight(dtype: torch.dtype = torch.float32, width: int = WIDTH) -> Tensor:
    """Make a weight."""
    return (1 + rows(1, width, seed=7)[0] / 8).to(dtype)
