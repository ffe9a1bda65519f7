"""An op with a backward through plain `torch.library`: its kernels are written as MLIR.

Run it: `python examples/torch_library_ops.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime import CustomOp, KernelBuilder, KernelSelection, MlirTemplate
from ir_runtime.op_reg import def_library, flatten, unflatten

LIBRARY = def_library("myns")

SIGMOID = MlirTemplate(
    "sigmoid",
    """
#id = affine_map<(i) -> (i)>

util.func private @sigmoid(%x: tensor<?xf32>) -> tensor<?xf32> {
  %one = arith.constant 1.0 : f32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%x : tensor<?xf32>) {
  ^bb0(%v: f32, %_: f32):
    %negated = arith.negf %v : f32
    %power = math.exp %negated : f32
    %sum = arith.addf %power, %one : f32
    %result = arith.divf %one, %sum : f32
    linalg.yield %result : f32
  } -> tensor<?xf32>
  util.return %y : tensor<?xf32>
}
""",
)

SIGMOID_BACKWARD = MlirTemplate(
    "sigmoid_backward",
    """
#id = affine_map<(i) -> (i)>

util.func private @sigmoid_backward(%grad: tensor<?xf32>, %output: tensor<?xf32>)
    -> tensor<?xf32> {
  %one = arith.constant 1.0 : f32
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%grad, %output : tensor<?xf32>, tensor<?xf32>) outs(%grad : tensor<?xf32>) {
  ^bb0(%g: f32, %o: f32, %_: f32):
    %rest = arith.subf %one, %o : f32
    %slope = arith.mulf %o, %rest : f32
    %result = arith.mulf %g, %slope : f32
    linalg.yield %result : f32
  } -> tensor<?xf32>
  util.return %y : tensor<?xf32>
}
""",
)


# 1. The forward: `torch.ops.myns.sigmoid`, with its meta function and an `out` overload.
@CustomOp.register(library=LIBRARY)
class sigmoid(CustomOp):
    """Squash each element into (0, 1)."""

    signature = "sigmoid(Tensor x) -> Tensor"
    elementwise = True

    def select(self, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0).require(dtypes=(torch.float32,))
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        x = kb.arg_value(0)
        y = kb.inline_mlir(SIGMOID, {}, flatten(kb, x, keep=0))
        kb.yield_results(unflatten(kb, y, x, keep=0))


# 2. The backward, an op like any other.
@CustomOp.register(library=LIBRARY)
class sigmoid_backward(CustomOp):
    """Scale a gradient by the slope of `sigmoid` where it returned `output`."""

    signature = "sigmoid_backward(Tensor grad_output, Tensor output) -> Tensor"
    elementwise = True

    def select(self, ksel: KernelSelection) -> None:
        grad = ksel.arg_tensor(0).require(dtypes=(torch.float32,))
        ksel.arg_tensor(1).require(dtypes=(torch.float32,)).require_shape(grad)
        ksel.return_new_tensor(grad.t.shape, grad.t.dtype)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        grad, output = kb.arg_value(0), kb.arg_value(1)
        lines = [flatten(kb, value, keep=0) for value in (grad, output)]
        kb.yield_results(unflatten(kb, kb.inline_mlir(SIGMOID_BACKWARD, {}, *lines), grad, keep=0))


# 3. Both in an autograd function, ...
class Sigmoid(torch.autograd.Function):
    """`torch.ops.myns.sigmoid` with a gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        output = torch.ops.myns.sigmoid(x)
        ctx.save_for_backward(output)
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        return torch.ops.myns.sigmoid_backward(grad_output, output)


# 4. ... and that in a module.
class MySigmoidModule(nn.Module):
    """A module with no parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return Sigmoid.apply(x)


def main() -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = Sigmoid.apply(x)
    y.sum().backward()
    print("sigmoid        ", y.detach())
    print("its gradient   ", x.grad)

    model = MySigmoidModule()
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    model(x).sum().backward()
    print("of the module  ", x.grad)

    compiled = torch.compile(model, fullgraph=True)
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    compiled(x).sum().backward()
    print("compiled       ", x.grad)


if __name__ == "__main__":
    main()
