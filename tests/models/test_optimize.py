"""`optimize` replaces what ops compute, in each family, and changes nothing else of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ir_runtime
from tests.models.families import FAMILIES, Family, prompt
from tests.passes.models import Exactly

pytest.importorskip("transformers")

QUICK = "llama"
EACH = [
    pytest.param(name, marks=[] if name == QUICK else [pytest.mark.full], id=name)
    for name in FAMILIES
]
DECODERS = [p for p in EACH if FAMILIES[str(p.id)].decodes]
TOKENS, TIE = 64, 1e-4
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def result_of(model: nn.Module, family: Family) -> Tensor:
    return model(**family.arguments())[0]


@pytest.mark.parametrize("name", EACH)
def test_places_of_a_family_are_replaced_on_the_instance_alone(name: str):
    family = FAMILIES[name]
    model, other = family.make(), family.make()
    before = result_of(model, family)
    objects = {path: dict(vars(module)) for path, module in model.named_modules()}
    state = model.state_dict(keep_vars=True)
    report = ir_runtime.optimize(model)
    assert dict(report.counts()) == family.counts, report
    torch.testing.assert_close(result_of(model, family), before, atol=1e-5, rtol=1e-5)
    after = model.state_dict(keep_vars=True)
    assert after.keys() == state.keys()
    assert all(after[key] is state[key] for key in state)
    assert torch.equal(result_of(other, family), before), "another model computes as it did"
    report.undo()
    assert torch.equal(result_of(model, family), before)
    for path, module in model.named_modules():
        now = vars(module)
        assert now.keys() == objects[path].keys(), path
        assert all(now[key] is objects[path][key] for key in now), path


def test_experts_are_listed_as_not_replaced():
    report = ir_runtime.optimize(FAMILIES["mixtral"].make(), ops="mlp,norm")
    experts = [place for place in report.left if place.module == "MixtralExperts"]
    assert [place.reason for place in experts] == [
        "experts: no op computes a mixture of experts",
    ] * 2


@pytest.mark.parametrize("name", DECODERS)
def test_greedy_tokens_are_those_of_the_model_before(name: str):
    family = FAMILIES[name]
    model, ids = family.make(), prompt()
    said = generated(model, ids)
    ir_runtime.optimize(model)
    found = generated(model, ids)
    for mine, theirs in zip(found, said, strict=True):
        differ = (mine != theirs).nonzero()
        if len(differ):  # up to there both are equal, and so is the next step but for rounding
            first = int(differ[0])
            logits = family.make()(theirs[None, :first])[0][0, -1]
            best, next_best = logits.topk(2).values
            assert float(best - next_best) <= TIE


def generated(model: Any, ids: Tensor) -> Tensor:
    mask = torch.ones_like(ids)
    return model.generate(ids, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False)


@pytest.mark.full
@pytest.mark.parametrize("name", FAMILIES)
def test_the_error_in_bfloat16_is_that_of_eager(name: str):
    family = FAMILIES[name]
    model = family.make(torch.bfloat16)
    arguments = {
        key: value.bfloat16() if value.is_floating_point() else value
        for key, value in family.arguments().items()
    }
    eager = model(**arguments)[0].double()
    ir_runtime.optimize(model)
    got = model(**arguments)[0].double()
    exact_model: Any = family.make(torch.bfloat16).double()
    if hasattr(exact_model, "set_experts_implementation"):
        exact_model.set_experts_implementation("eager")
    wide = {k: v.double() if v.is_floating_point() else v for k, v in arguments.items()}
    with Exactly():
        exact = exact_model(**wide)[0]
    mine, theirs = float((got - exact).norm()), float((eager - exact).norm())
    assert mine <= 1.1 * theirs, f"{mine / theirs:.3f} of eager's error"


def test_a_model_trains_as_before():
    gradients: list[dict[str, Tensor]] = []
    for optimised in (False, True):
        model = FAMILIES[QUICK].make().train()
        if optimised:
            ir_runtime.optimize(model)
        with torch.enable_grad():
            model(input_ids=prompt(), labels=prompt()).loss.backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    want, got = gradients
    assert got.keys() == want.keys()
    for name, gradient in want.items():
        torch.testing.assert_close(got[name], gradient, atol=1e-6, rtol=1e-4, msg=name)


def test_a_region_of_autocast_computes_as_before():
    family = FAMILIES[QUICK]
    model, other = family.make(), family.make()
    ir_runtime.optimize(model)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(result_of(model, family), result_of(other, family))


def test_weights_of_attention_are_returned_if_asked_for():
    model, other = FAMILIES[QUICK].make(), FAMILIES[QUICK].make()
    other.set_attn_implementation("eager")
    ir_runtime.optimize(model, ops="attention")
    mine, theirs = (m(input_ids=prompt(), output_attentions=True) for m in (model, other))
    torch.testing.assert_close(mine.logits, theirs.logits, atol=1e-5, rtol=1e-5)


def test_padding_is_not_attended_to():
    family = FAMILIES[QUICK]
    model, other = family.make(), family.make()
    ir_runtime.optimize(model)
    mask = torch.ones_like(prompt())
    mask[0, :3] = 0
    mine, theirs = (m(input_ids=prompt(), attention_mask=mask)[0] for m in (model, other))
    kept = mask.bool()
    torch.testing.assert_close(mine[kept], theirs[kept], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("form", [torch.float32, torch.bool])
def test_a_mask_that_shows_later_keys_is_kept(form: torch.dtype):
    family = FAMILIES[QUICK]
    model, other = family.make(), family.make()
    ir_runtime.optimize(model, ops="attention")
    shown = torch.ones(7, 7, dtype=torch.bool).tril()
    shown[:4, :4] = True  # the tokens of a prefix see each other
    mask = shown if form is torch.bool else torch.zeros(7, 7).masked_fill(~shown, float("-inf"))
    mask = mask.expand(2, 1, 7, 7)
    mine, theirs = (m(input_ids=prompt(), attention_mask=mask)[0] for m in (model, other))
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_a_loaded_weight_is_seen():
    family = FAMILIES[QUICK]
    model, other = family.make(), family.make()
    ir_runtime.optimize(model)
    result_of(model, family)  # packs
    halves = {key: value / 2 for key, value in model.state_dict().items()}
    for each in (model, other):
        each.load_state_dict(halves)
    torch.testing.assert_close(
        result_of(model, family), result_of(other, family), atol=1e-5, rtol=1e-5
    )


def test_only_the_kinds_that_were_asked_for_are_replaced():
    report = ir_runtime.optimize(FAMILIES[QUICK].make(), ops=["norm", "rotary"])
    assert dict(report.counts()) == {"norm": 5, "rotary": 2}
    text = str(report)
    assert "5 x LlamaRMSNorm" in text
    assert "by rms_norm (iree)" in text
    assert report.as_dict()["replaced"][0]["path"] == "model.layers.0.self_attn"


def test_a_slower_replacement_is_left_with_its_time():
    report = ir_runtime.optimize(FAMILIES[QUICK].make(), ops="norm", tune=True)
    if report.replaced:
        assert set(report.replaced[0].times) == {1, 128}
    else:
        slow = [left for left in report.left if left.kind == "norm"]
        assert all(left.reason.startswith("measured: ") for left in slow)
