"""Does an op compute in the dtype that is registered for an autocast region, and only there?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg import derive_backward, register_autocast
from tests.op_reg import ops
from tests.op_reg.differentiable import calls_below, multiply, native_op, product_op
from tests.op_reg.ops import like_first, make_op, op_of, yield_first
from tests.sampling import covering

BF16 = torch.bfloat16
X, Y = torch.randn(3, 4), torch.randn(3, 4)


def product(**members):
    return product_op(backward=derive_backward(multiply), **members)


def cast_product():
    packet = product()
    register_autocast(packet, "cpu", BF16)
    return packet


CAST = cast_product()


def identity():
    return make_op("identity_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)


def region(**keywords):
    return torch.autocast("cpu", dtype=BF16, **keywords)


def leaf(*shape):
    return torch.randn(*shape, requires_grad=True)


def test_op_gets_and_returns_the_dtype_in_a_region():
    with region():
        z = CAST(X, Y)
    assert z.dtype == BF16
    assert torch.equal(z, X.to(BF16) * Y.to(BF16))


def test_op_computes_in_its_own_dtype_outside():
    assert torch.equal(CAST(X, Y), X * Y)
    with region(), region(enabled=False):
        assert torch.equal(CAST(X, Y), X * Y)


def test_dtype_of_the_op_counts_not_that_of_the_region():
    """As for `torch.library.register_autocast`."""
    with torch.autocast("cpu", dtype=torch.float16):
        assert CAST(X, Y).dtype == BF16


def test_arguments_of_several_dtypes_become_one():
    with region():
        assert CAST(X, Y.to(BF16)).dtype == BF16


def test_float64_integers_and_absent_tensors_stay():
    packet = make_op(
        "kinds_@UNIQUE@(Tensor x, Tensor? n=None, *, Tensor? m=None) -> Tensor",
        lambda self, ksel: (
            ksel.arg_tensor(0),
            ksel.arg_optional_tensor(1),
            ksel.arg_optional_tensor(2),
            ksel.return_new_tensor(ksel.arg_descs[0].t.shape, ksel.arg_descs[0].t.dtype),
        ),
        yield_first,
    )
    register_autocast(packet, "cpu", BF16)
    with region():
        assert packet(X.double()).dtype == torch.float64
        assert packet(torch.arange(4)).dtype == torch.int64
        assert packet(X, torch.arange(4)).dtype == BF16
        assert packet(X, m=Y).dtype == BF16


def test_list_is_cast():
    packet = native_op("sum_@UNIQUE@(Tensor[] xs) -> Tensor", lambda xs: xs[0] + xs[1])
    register_autocast(packet, "cpu", BF16)
    with region():
        assert packet([X, Y]).dtype == BF16


def test_gradient_flows_through_the_casts():
    x, y = leaf(3, 4), leaf(3, 4)
    with region():
        z = CAST(x, y)
    z.sum().backward()
    assert x.grad.dtype == torch.float32
    assert torch.equal(x.grad, y.detach().to(BF16).float())


def test_nested_gradient_in_a_region():
    x, y = leaf(3), leaf(3)
    with region():
        CAST(x, y).sum().backward()
    assert torch.equal(x.grad, y.detach().to(BF16).float())


@covering(backend=("aot_eager", "inductor"), dynamic=(False, True))
def test_compiled_in_a_region(backend, dynamic):
    x, y = leaf(3, 4), leaf(3, 4)

    def function(x, y):
        with region():
            return CAST(x, y) + 1

    compiled = torch.compile(function, backend=backend, fullgraph=True, dynamic=dynamic)
    z = compiled(x, y)
    assert z.dtype == BF16
    torch.testing.assert_close(z, function(x, y))
    z.sum().backward()
    assert torch.equal(x.grad, y.detach().to(BF16).float())


def test_compiled_function_follows_the_region_it_is_called_in():
    compiled = torch.compile(CAST, backend="aot_eager", fullgraph=True)
    assert compiled(X, Y).dtype == torch.float32
    with region():
        assert compiled(X, Y).dtype == BF16
    assert compiled(X, Y).dtype == torch.float32


def test_registration_after_tracing_takes_effect():
    packet = product()
    with region():
        torch.compile(packet, backend="aot_eager", fullgraph=True, dynamic=True)(X, Y)
        register_autocast(packet, "cpu", BF16)
        torch._dynamo.reset()
        z = torch.compile(packet, backend="aot_eager", fullgraph=True, dynamic=True)(X, Y)
    assert z.dtype == BF16


def test_class_attribute():
    packet = product(autocast={"cpu": BF16})
    with region():
        assert packet(X, Y).dtype == BF16


def test_vmap_in_a_region():
    packet = product(autocast={"cpu": BF16}, vmap="loop")
    with region():
        assert torch.vmap(packet)(X, Y).dtype == BF16


# --- without a registration ---------------------------------------------------------------------


def test_unregistered_op_computes_in_the_dtype_of_its_arguments():
    packet = product()
    with region():
        assert torch.equal(packet(X, Y), X * Y)
        assert packet(X.to(BF16), Y.to(BF16)).dtype == BF16


@pytest.mark.parametrize("packet", [ops.add, CAST], ids=["unregistered", "registered"])
def test_calls_stay_fast(packet):
    """No call goes on below autograd: not in a region, nor where a dtype is registered."""
    with calls_below(packet) as seen:
        packet(X, Y)
        with region():
            packet(X, Y)
    assert seen == []


def test_unregistered_op_differentiates_in_a_region():
    packet, x, y = product(), leaf(3), leaf(3)
    with region():
        packet(x, y).sum().backward()
    assert torch.equal(x.grad, y)


def test_kernel_does_not_depend_on_the_region_of_its_first_call(store):
    """`select` and `generate` run outside any: what they trace would be cast there."""
    packet = native_op("matmul_@UNIQUE@(Tensor x, Tensor y) -> Tensor", torch.matmul, kernel=True)
    with region(), count_since() as counts:
        first = packet(X, Y.t())
    assert counts[0].compiles == 1
    assert first.dtype == torch.float32
    torch.testing.assert_close(first, X @ Y.t())
    assert torch.equal(packet(X, Y.t()), first)


def test_meta_function_does_not_depend_on_the_region():
    packet = native_op("matmul_@UNIQUE@(Tensor x, Tensor y) -> Tensor", torch.matmul)
    with region():
        assert packet(X.to("meta"), Y.t().to("meta")).dtype == torch.float32


# --- refusals -----------------------------------------------------------------------------------


def test_device_type_without_autocast():
    packet = identity()
    with pytest.raises(RegistrationError) as caught:
        register_autocast(packet, "toaster", BF16)
    assert str(caught.value) == (
        f"{op_of(packet).name}: torch has no autocast on device type 'toaster', must be one it has"
    )


def test_dtype_that_is_not_floating_point():
    packet = identity()
    with pytest.raises(RegistrationError) as caught:
        register_autocast(packet, "cpu", torch.int32)
    assert str(caught.value) == (
        f"{op_of(packet).name}: its autocast dtype for cpu is torch.int32, must be floating point"
    )


def test_second_registration():
    packet = identity()
    register_autocast(packet, "cpu", BF16)
    with pytest.raises(RegistrationError) as caught:
        register_autocast(packet, "cpu", torch.float16)
    assert str(caught.value) == (
        f"{op_of(packet).qualified_name}: it has an autocast dtype for cpu already, "
        "must be given one once"
    )


def test_op_that_changes_an_argument():
    with pytest.raises(RegistrationError) as caught:
        register_autocast(ops.twice, "cpu", BF16)
    assert str(caught.value) == (
        f"{op_of(ops.twice).name}: it changes an argument, must be functional for autocast: "
        "a cast argument is a copy"
    )


def test_refused_class_attribute_leaves_the_name_free():
    signature = "free_again(Tensor x) -> Tensor"
    with pytest.raises(RegistrationError, match="must be floating point"):
        make_op(signature, like_first, yield_first, autocast={"cpu": torch.int8})
    assert torch.equal(make_op(signature, like_first, yield_first)(X), X)
