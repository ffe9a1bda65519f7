"""Layers with several forwards, a replacement from another package, an op that finds its layer.

Run it: `python examples/layers.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime import direct_register_custom_op, ir
from ir_runtime.layers import (
    CompilationConfig,
    Layer,
    get_forward_context,
    register_layer,
    set_compilation_config,
    set_forward_context,
)


# 1. An op: a torch function is its meaning, and IREE can compile it.
@ir.register_op
def clipped_square(x: Tensor, limit: float = 4.0) -> Tensor:
    """Square each element, up to a limit."""
    return torch.clamp(x * x, max=limit)


clipped_square.set_default(["iree", "native"])


# 2. A layer of this op. It overrides nothing: enabled, it runs the op; disabled, the function.
@Layer.register("clipped_square")
class ClippedSquare(Layer):
    """Square each element, up to a limit."""

    def __init__(self, limit: float = 4.0) -> None:
        super().__init__()
        self.limit = limit

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.limit


# 3. A layer without an op.
@Layer.register("relu3")
class ReLU3(Layer):
    """Cube positive elements, and set the others to zero."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.relu(x) ** 3

    def forward_cuda(self, x: Tensor) -> Tensor:
        return self.forward_native(x)


def replace_relu3() -> None:
    """Replace ReLU3 by another class, as another package would do."""

    @ReLU3.register_oot
    class FastReLU3(ReLU3):
        """Multiply, which is faster than a power."""

        def forward_native(self, x: Tensor) -> Tensor:
            positive = torch.relu(x)
            return positive * positive * positive


# 4. An op that takes the name of a layer: torch.compile does not trace the layer.
def routed(x: Tensor, layer_name: str) -> Tensor:
    return get_forward_context().no_compile_layers[layer_name].forward_impl(x)


def routed_fake(x: Tensor, layer_name: str) -> Tensor:
    del layer_name
    return torch.empty_like(x)


direct_register_custom_op("example_routed", routed, fake_impl=routed_fake)


class Routed(nn.Module):
    """Scales each row by a weight, chosen by the values of the row."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix, self.weights = prefix, nn.Parameter(torch.tensor([2.0, 3.0]))
        register_layer(prefix, self)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.ir_runtime.example_routed(x, self.prefix)

    def forward_impl(self, x: Tensor) -> Tensor:
        chosen = [int(row.sum() > 0) for row in x]
        return x * self.weights[chosen][:, None]


def main() -> None:
    x = torch.tensor([[-1.0, 2.0], [-3.0, 1.0]])

    config = CompilationConfig(custom_ops="none,+clipped_square")
    with set_compilation_config(config):
        print("clipped_square ", ClippedSquare()(x).tolist())
        print("relu3          ", ReLU3()(x).tolist())
    print("enabled        ", dict(config.enabled_custom_ops))
    print("disabled       ", dict(config.disabled_custom_ops))
    print(clipped_square.explain(x, 4.0))

    replace_relu3()
    print("replaced by    ", type(ReLU3()).__name__)

    with set_compilation_config(CompilationConfig()), torch.no_grad():
        model = nn.Sequential(Routed("model.0"), Routed("model.1"))
        compiled = torch.compile(model, fullgraph=True)
        with set_forward_context():
            print("routed         ", compiled(x).tolist())


if __name__ == "__main__":
    main()
