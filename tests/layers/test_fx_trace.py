"""Layers are nodes of what torch.fx traces, as modules of torch.nn are."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from kernels_mlir.activation.layers import Relu, SiluAndMul

X = torch.randn(3, 8)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act, self.linear = SiluAndMul(), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.act(x=x)) + 1


def test_a_layer_inside_is_one_node() -> None:
    net = Net()
    traced = torch.fx.symbolic_trace(net)
    targets = [n.target for n in traced.graph.nodes if n.op == "call_module"]
    assert targets == ["act", "linear"]
    assert torch.equal(traced(X), net(X))
    assert torch.equal(copy.deepcopy(torch.fx.symbolic_trace(traced))(X), net(X))


def test_a_layer_in_a_sequence_is_one_node() -> None:
    assert torch.equal(torch.fx.symbolic_trace(nn.Sequential(SiluAndMul()))(X), SiluAndMul()(X))


def test_a_layer_alone_is_its_op_or_what_it_computes() -> None:
    for layer in (SiluAndMul(), Relu()):
        assert torch.equal(torch.fx.symbolic_trace(layer)(X), layer(X))


def test_a_layer_is_exported() -> None:
    net = Net()
    torch.testing.assert_close(torch.export.export(net, (X,)).module()(X), net(X))
