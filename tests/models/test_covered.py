"""Children of an MLP whose work one op does: they are called again once they compute more."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

import ir_runtime

WIDTH, INNER = 64, 96


class Apart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(WIDTH, INNER, bias=False)
        self.up = nn.Linear(WIDTH, INNER, bias=False)
        self.act = nn.SiLU()
        self.down = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.act(self.gate(x)) * self.up(x))


class Halved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Linear(WIDTH, 2 * INNER, bias=False)
        self.act = nn.SiLU()
        self.down = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.both(x).chunk(2, -1)
        return self.down(self.act(gate) * up)


FORMS = {
    "a packed pair": (Apart, {}, ("gate", "up", "act")),
    "a rounded pair": (Apart, {"weights": "int8"}, ("gate", "up", "act")),
    "both halves": (Halved, {}, ("act",)),
}


class _Twice(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def _hook(child: nn.Module) -> None:
    child.register_forward_hook(lambda module, given, y: 2 * y)


def _before(child: nn.Module) -> None:
    child.register_forward_pre_hook(lambda module, given: (2 * given[0],))


def _forward(child: nn.Module) -> None:
    own = child.forward
    child.forward = lambda x: 2 * own(x)


def _class(child: nn.Module) -> None:
    own = type(child)
    child.__class__ = type("Other", (own,), {"forward": lambda self, x: 2 * own.forward(self, x)})


def _parametrization(child: nn.Module) -> None:
    if not isinstance(child, nn.Linear):
        pytest.skip("it has no weight")
    parametrize.register_parametrization(child, "weight", _Twice())


CHANGES = [_hook, _before, _forward, _class, _parametrization]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
@pytest.mark.parametrize("form", FORMS)
def test_children_that_compute_more_by_now_are_called(form, change):
    kind, options, names = FORMS[form]
    torch.manual_seed(0)
    mlp, x = kind().eval().requires_grad_(requires_grad=False), torch.randn(3, WIDTH)
    plain = mlp(x)
    report = ir_runtime.optimize(mlp, ops="mlp", **options)
    assert [place.kind for place in report.replaced] == ["mlp"]
    near = {"atol": 0.05, "rtol": 0.05}
    torch.testing.assert_close(mlp(x), plain, **near)
    for name in names:
        changed = copy.deepcopy(mlp)
        change(changed.get_submodule(name))
        assert torch.equal(changed(x), kind.forward(changed, x)), name
        assert not torch.allclose(changed(x), plain, **near), name
    torch.testing.assert_close(mlp(x), plain, **near)
