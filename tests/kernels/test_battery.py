"""Does each op of the catalogue do what every op must: one answer in each way of calling it?"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._functorch.config
from torch import Tensor, nn
from torch._inductor.compile_fx import compile_fx, compile_fx_inner
from torch._subclasses.fake_tensor import FakeTensorMode

import kernels_mlir
from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.ir import IrOp
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.traced_op import TracedOp
from tests.cases import (
    BY_OP,
    CASES,
    DTYPES,
    WIDTH,
    Arguments,
    Draw,
    OpCase,
    Ranked,
    ranked,
)
from tests.decoder.arguments import DECODER_OPS
from tests.sampling import covering

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_rank = covering(
    ranked=ranked(),
    kinds={"ranked": lambda r: len(r.lead) if r.case.op == "rms_norm" else r.case.op},
)
"""Quick: each rank of one op, and one rank of each op."""

each_empty = pytest.mark.parametrize(
    ("case", "lead"),
    [
        pytest.param(case, lead, id=f"{case.id}-{'x'.join(map(str, lead))}")
        for case in CASES
        for lead in case.empty_leads
    ],
)


class OpModule(nn.Module):
    """The op as a function of its tensors alone; other arguments stay as they are."""

    def __init__(self, op: Callable[..., Tensor], arguments: Arguments) -> None:
        super().__init__()
        self.op = op
        self.arguments = tuple(None if isinstance(a, Tensor) else a for a in arguments)
        self.places = [i for i, a in enumerate(arguments) if isinstance(a, Tensor)]

    def forward(self, *tensors: Tensor) -> Tensor:
        values: list[Any] = list(self.arguments)
        for place, tensor in zip(self.places, tensors, strict=True):
            values[place] = tensor
        return self.op(*values)


class InductorRecorder:
    """Inductor, keeping the operators of each graph that reaches it."""

    def __init__(self) -> None:
        self.targets: list[Any] = []

    def __call__(self, graph: torch.fx.GraphModule, inputs: Sequence[Any]) -> Any:
        return compile_fx(graph, inputs, inner_compile=self._record)

    def _record(self, graph: torch.fx.GraphModule, inputs: Sequence[Any], **options: Any) -> Any:
        self.targets += [n.target for n in graph.graph.nodes if n.op == "call_function"]
        return compile_fx_inner(graph, inputs, **options)


@pytest.fixture
def recorder() -> Iterator[InductorRecorder]:
    torch._dynamo.reset()
    with torch._functorch.config.patch(enable_autograd_cache=False):  # a hit hides the graph
        yield InductorRecorder()
    torch._dynamo.reset()


def autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)


def tensors_of(arguments: Arguments) -> tuple[Tensor, ...]:
    return tuple(a for a in arguments if isinstance(a, Tensor))


def requiring_grad(case: OpCase, arguments: Arguments) -> Arguments:
    return tuple(
        a.requires_grad_() if i in case.differentiable and a is not None else a
        for i, a in enumerate(arguments)
    )


def assert_same_bits(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)


def assert_near_native(case: OpCase, arguments: Arguments, actual: Tensor) -> None:
    info = dtype_info(actual.dtype)
    torch.testing.assert_close(actual, case.native(*arguments), atol=info.atol, rtol=info.rtol)
    assert actual.is_contiguous()


PRODUCTS = {"gate_up_silu", "linear_act", "linear_w4", "linear_w8"}
"""Ops with a kernel of their own that are tested in `tests/products`."""


def test_every_op_with_a_kernel_of_its_own_has_a_case() -> None:
    """The others are tested in `tests/catalogue`, `tests/decoder` and `tests/products`."""
    in_catalogue = {
        name
        for name in kernels_mlir.__all__
        if IrOp.registry[name].impls["iree"].written_kernel is not None
    }
    registered = {
        name.partition("::")[2]
        for name, op in ALL_CUSTOM_OP_REGS.items()
        if name.startswith("ir_kernels::") and not isinstance(op, TracedOp)
    }
    tested = {case.op for case in CASES} | DECODER_OPS | PRODUCTS
    assert tested == in_catalogue == registered


DERIVED = [
    name
    for name in kernels_mlir.__all__
    if name in PRODUCTS or IrOp.registry[name].impls["iree"].written_kernel is None
]


@pytest.mark.parametrize("name", DERIVED)
def test_every_other_op_is_tested_and_makes_its_arguments(name: str) -> None:
    """Its arguments fit the op, and a test of one of four folders names it."""
    op = IrOp.registry[name]
    arguments = op.generate_inputs(num_tokens=2, hidden_size=256)
    with op.set_priority(["native"]):
        op(*arguments)
    names = ("catalogue", "decoder", "parallel", "products")
    folders = (Path(__file__).parents[1] / folder for folder in names)
    texts = [path.read_text("utf-8") for folder in folders for path in folder.glob("*.py")]
    assert any(re.search(rf"\b{name}\b", text) for text in texts)


def test_case_ids_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)


@covering(case=CASES, kinds=BY_OP)
def test_opcheck(case: OpCase) -> None:
    torch.library.opcheck(case.packet.default, case.arguments())


@covering(case=CASES, kinds=BY_OP)
def test_opcheck_with_gradients(case: OpCase) -> None:
    torch.library.opcheck(case.packet.default, requiring_grad(case, case.arguments()))


@each_rank
def test_meta_call_matches_real_call(ranked: Ranked) -> None:
    case = ranked.case
    arguments = case.arguments(lead=ranked.lead)
    real = case.function(*arguments)
    meta = case.function(*(a.to("meta") if isinstance(a, Tensor) else a for a in arguments))
    assert meta.device.type == "meta"
    assert (meta.shape, meta.dtype, meta.stride()) == (real.shape, real.dtype, real.stride())


@covering(case=CASES, dtype=DTYPES, kinds=BY_OP)
def test_fake_call_matches_real_call(case: OpCase, dtype: torch.dtype) -> None:
    arguments = case.arguments(dtype)
    real = case.function(*arguments)
    with FakeTensorMode() as mode:
        fake = case.function(
            *(mode.from_tensor(a) if isinstance(a, Tensor) else a for a in arguments)
        )
    assert fake.device == real.device
    assert (fake.shape, fake.dtype, fake.stride()) == (real.shape, real.dtype, real.stride())


@each_rank
def test_every_rank(ranked: Ranked) -> None:
    case = ranked.case
    arguments = case.arguments(lead=ranked.lead)
    assert_near_native(case, arguments, case.function(*arguments))


def test_gelu_takes_a_scalar() -> None:
    x = torch.tensor(1.5)
    torch.testing.assert_close(kernels_mlir.gelu(x), torch.nn.functional.gelu(x))


@each_empty
def test_nothing_in_gives_nothing_out(case: OpCase, lead: tuple[int, ...]) -> None:
    arguments = case.arguments(lead=lead)
    with count_since() as counts:
        result = case.function(*arguments)
    assert counts[0].compiles == 0
    assert (result.shape, result.dtype) == (case.native(*arguments).shape, torch.float32)


@each_case
def test_one_binary_serves_every_batch_size(case: OpCase, store: DirectoryStore) -> None:
    with count_since() as counts:
        for lead in case.same_rank_leads:
            arguments = case.arguments(lead=lead)
            assert_near_native(case, arguments, case.function(*arguments))
    assert counts[0].compiles == 1
    assert counts[0].selects == len(case.same_rank_leads)


@each_case
def test_repeated_call_selects_once_and_copies_nothing(case: OpCase) -> None:
    arguments = case.arguments()
    forget_kernels()
    with count_since() as counts:
        first, second = case.function(*arguments), case.function(*arguments)
    assert (counts[0].selects, counts[0].copies) == (1, 0)
    assert_same_bits(first, second)


@covering(case=CASES, dtype=DTYPES, kinds=BY_OP)
def test_compiled_equals_eager(
    case: OpCase, dtype: torch.dtype, recorder: InductorRecorder
) -> None:
    arguments = case.arguments(dtype)
    module = OpModule(case.function, arguments)
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=recorder)
    expected = module(*tensors_of(arguments))
    forget_kernels()
    with count_since() as counts:
        result = compiled(*tensors_of(arguments))
    assert_same_bits(result, expected)
    assert case.packet.default in recorder.targets
    assert counts[0].selects == 1
    assert counts[0].compiles + counts[0].store_hits == 1


@covering(case=CASES, kinds=BY_OP)
def test_compiled_once_serves_every_batch_size(case: OpCase, recorder: InductorRecorder) -> None:
    module = OpModule(case.function, case.arguments())
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=recorder)
    for lead in case.same_rank_leads:
        if 1 not in lead:  # torch specialises on sizes of 1
            tensors = tensors_of(case.arguments(lead=lead))
            assert_same_bits(compiled(*tensors), module(*tensors))
    assert recorder.targets.count(case.packet.default) == 1


@covering(case=CASES, kinds=BY_OP)
def test_ir_op_is_one_node_that_runs_the_kernel(case: OpCase, recorder: InductorRecorder) -> None:
    arguments = case.arguments()
    op = case.ir_op
    module = OpModule(case.one_result(op.packet), arguments)
    compiled = torch.compile(module, fullgraph=True, backend=recorder)
    expected = case.function(*arguments)
    assert_same_bits(case.one_result(op)(*arguments), expected)
    assert_same_bits(case.one_result(op.packet)(*arguments), expected)
    assert_same_bits(compiled(*tensors_of(arguments)), expected)
    called = [target for target in recorder.targets if target is not operator.getitem]
    assert called == [op.torch_op]


@covering(case=CASES, kinds=BY_OP)
def test_export_keeps_the_op(case: OpCase) -> None:
    arguments = case.arguments()
    module = OpModule(case.function, arguments)
    batch = torch.export.Dim("batch", min=2)
    shapes = tuple({0: batch} if i in case.batched else None for i in module.places)
    program = torch.export.export(module, tensors_of(arguments), dynamic_shapes=(shapes,))
    targets = [n.target for n in program.graph.nodes if n.op == "call_function"]
    assert case.packet.default in targets
    exported = program.module()
    lead = (2 * case.lead[0], *case.lead[1:])
    for tensors in (tensors_of(arguments), tensors_of(case.arguments(lead=lead, seed=1))):
        assert_same_bits(exported(*tensors), module(*tensors))


@each_case
def test_defaults_and_keywords_mean_the_same(case: OpCase) -> None:
    arguments = case.arguments()
    schema = case.packet.default._schema.arguments
    by_name = {
        a.name: value
        for a, value in zip(schema, arguments, strict=True)
        if not (a.has_default_value() and a.default_value == value)
    }
    expected = case.function(*arguments)
    assert_same_bits(case.function(**by_name), expected)
    assert_same_bits(case.one_result(case.packet)(**by_name), expected)
    assert_same_bits(case.one_result(case.ir_op.packet)(**by_name), expected)


@covering(case=CASES, mode=(torch.inference_mode, torch.no_grad, autocast), kinds=BY_OP)
def test_modes_change_nothing(case: OpCase, mode: Callable[[], Any]) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    with mode():
        result = case.function(*case.arguments())
    assert result.dtype == expected.dtype
    assert torch.equal(result, expected)


@each_case
def test_no_grad_result_needs_no_gradient(case: OpCase) -> None:
    arguments = requiring_grad(case, case.arguments())
    assert case.function(*arguments).requires_grad
    with torch.no_grad():
        assert not case.function(*arguments).requires_grad


@each_case
def test_parameters_are_tensors(case: OpCase) -> None:
    arguments = case.arguments()
    parameters = tuple(
        nn.Parameter(a) if i in case.differentiable and a is not None else a
        for i, a in enumerate(arguments)
    )
    result = case.function(*parameters)
    assert type(result) is Tensor
    assert result.requires_grad
    assert_same_bits(result.detach(), case.function(*arguments))


def test_mean_variance_of_a_layer_norm_are_those_of_its_bias_and_weight() -> None:
    """Guard against a native that errs as the kernel does."""
    x = Draw.seeded(torch.float32).activation(64, WIDTH)
    y = kernels_mlir.layer_norm(x, torch.full((WIDTH,), 3.0), torch.full((WIDTH,), 2.0), 0.0)
    torch.testing.assert_close(y.mean(-1), torch.full((64,), 2.0))
    torch.testing.assert_close(y.std(-1, correction=0), torch.full((64,), 3.0))
