"""Do compiled kernels give the bits that IREE's VM gives, wherever and on however many threads?"""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import Plan
from tests.launch.native.compiled import Compiled, compiled
from tests.launch.native.libraries import always_parallel, torch_threads
from tests.launch.native.memory import GuardedMemory
from tests.sampling import sampled

_OUT = "%out: !hal.buffer {iree.abi.output = 0 : index}"

ADD = """
func.func @main(%a: tensor<$Nxf32>, %b: tensor<$Nxf32>, $OUT) -> tensor<$Nxf32> {
  %r = arith.addf %a, %b : tensor<$Nxf32>
  return %r : tensor<$Nxf32>
}
"""

SOFTMAX = """
func.func @main(%a: tensor<$Nx1000xf32>, $OUT) -> tensor<$Nx1000xf32> {
  %e = tensor.empty() : tensor<$Nx1000xf32>
  %r = linalg.softmax dimension(1) ins(%a : tensor<$Nx1000xf32>)
    outs(%e : tensor<$Nx1000xf32>) -> tensor<$Nx1000xf32>
  return %r : tensor<$Nx1000xf32>
}
"""

# a product, its softmax, a product with that: several dispatches and a transient
CHAIN = """
func.func @main(%a: tensor<$Nx64xf32>, %b: tensor<64x$Nxf32>, $OUT) -> tensor<$Nx64xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<$Nx$Nxf32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<$Nx$Nxf32>) -> tensor<$Nx$Nxf32>
  %p = linalg.matmul ins(%a, %b : tensor<$Nx64xf32>, tensor<64x$Nxf32>)
    outs(%i : tensor<$Nx$Nxf32>) -> tensor<$Nx$Nxf32>
  %s = linalg.softmax dimension(1) ins(%p : tensor<$Nx$Nxf32>)
    outs(%e : tensor<$Nx$Nxf32>) -> tensor<$Nx$Nxf32>
  %f = tensor.empty() : tensor<$Nx64xf32>
  %j = linalg.fill ins(%z : f32) outs(%f : tensor<$Nx64xf32>) -> tensor<$Nx64xf32>
  %r = linalg.matmul ins(%s, %a : tensor<$Nx$Nxf32>, tensor<$Nx64xf32>)
    outs(%j : tensor<$Nx64xf32>) -> tensor<$Nx64xf32>
  return %r : tensor<$Nx64xf32>
}
"""

CASES = [
    (ADD, 1, ((1,), (1,)), (1,)),
    (ADD, 33, ((33,), (33,)), (33,)),
    (ADD, 1000003, ((1000003,), (1000003,)), (1000003,)),
    (SOFTMAX, 1, ((1, 1000),), (1, 1000)),
    (SOFTMAX, 37, ((37, 1000),), (37, 1000)),
    (CHAIN, 5, ((5, 64), (64, 5)), (5, 64)),
    (CHAIN, 130, ((130, 64), (64, 130)), (130, 64)),
]


def with_size(text: str, n: int) -> str:
    return text.replace("$N", str(n)).replace("$OUT", _OUT)


def _run_on_vm(kernel: Compiled, inputs: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    import numpy as np
    from iree import runtime as iree

    config = iree.Config("local-sync")
    module = iree.VmModule.copy_buffer(config.vm_instance, kernel.vmfb)
    context = iree.SystemContext(vm_modules=[module], config=config)
    device = config.device
    views = [
        device.allocator.allocate_buffer_copy(
            memory_type=iree.MemoryType.DEVICE_LOCAL,
            allowed_usage=iree.BufferUsage.DEFAULT,
            device=device,
            buffer=x.numpy(),
            element_type=iree.HalElementType.FLOAT_32,
        )
        for x in inputs
    ]
    out = device.allocator.allocate_buffer(
        memory_type=iree.MemoryType.DEVICE_LOCAL | iree.MemoryType.HOST_VISIBLE,
        allowed_usage=iree.BufferUsage.DEFAULT | iree.BufferUsage.MAPPING,
        allocation_size=4 * int(np.prod(shape)),
    )
    arguments = iree.VmVariantList(3)
    for view in (*views, out):
        arguments.push_ref(view)
    results = iree.VmVariantList(1)
    context.vm_context.invoke(module.lookup_function("main"), arguments, results)
    view = results.get_as_object(0, iree.HalBufferView)
    return torch.from_numpy(np.array(iree.DeviceArray(device, view).to_host()))


@sampled(2, case=range(len(CASES)))
def test_compiled_kernels_agree_with_the_vm_bit_by_bit(case: int) -> None:
    text, n, shapes, shape = CASES[case]
    kernel = compiled(with_size(text, n), len(shapes))
    inputs = [torch.randn(s) for s in shapes]
    wanted = _run_on_vm(kernel, inputs, shape)
    for count in (1, 2, 3):
        out = torch.empty(shape)
        with torch_threads(count), always_parallel():
            assert kernel.plan.run(inputs, [out]) == 0
        assert torch.equal(out.view(torch.int32), wanted.view(torch.int32))


@sampled(2, case=range(len(CASES)))
def test_compiled_kernels_stay_inside_their_buffers(case: int) -> None:
    text, n, shapes, shape = CASES[case]
    plan: Plan = compiled(with_size(text, n), len(shapes)).plan
    inputs = [torch.randn(s) for s in shapes]
    guarded = [GuardedMemory(x.nbytes).tensor(x.shape).copy_(x) for x in inputs]
    out, guarded_out = torch.empty(shape), GuardedMemory(4 * torch.Size(shape).numel())
    assert plan.run(inputs, [out]) == 0
    end = guarded_out.tensor(shape)
    if all(t.data_ptr() % 64 == 0 for t in (*guarded, end)):
        assert plan.run(guarded, [end]) == 0
        assert torch.equal(out, end)
    else:  # a buffer that ends at a page need not begin where a plan can take it
        assert plan.run(guarded, [end]) != 0


def test_the_chain_has_transients_and_several_steps() -> None:
    assert compiled(with_size(CHAIN, 130), 2).plan.transient_bytes >= 130 * 130 * 4
