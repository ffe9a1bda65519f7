"""Is a derived backward that of the torch function, for every kind of argument and result?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg import derive_backward, register_autograd
from tests.op_reg.differentiable import leaf, multiply, native_op
from tests.op_reg.ops import make_op, op_of

BACKENDS = ["aot_eager", "inductor"]


def derived(signature, native, **members):
    return native_op(signature, native, backward=derive_backward(native), **members)


def polynomial(x, w=None, power=2, *, bias=None, scale=1.0):
    y = x
    for _ in range(power - 1):
        y = y * x
    y = y * scale
    y = y if w is None else y * w
    return y if bias is None else y + bias


POLYNOMIAL = derived(
    "polynomial_@UNIQUE@(Tensor x, Tensor? w=None, int power=2, *, Tensor? bias=None, "
    "float scale=1.0) -> Tensor",
    polynomial,
)
CALLS = {
    "required alone": lambda x, w, b: POLYNOMIAL(x),
    "optional": lambda x, w, b: POLYNOMIAL(x, w),
    "keyword-only tensor": lambda x, w, b: POLYNOMIAL(x, bias=b),
    "everything": lambda x, w, b: POLYNOMIAL(x, w, 3, bias=b, scale=0.5),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
def test_gradients_agree_with_finite_differences(call):
    args = [leaf(2, 3, dtype=torch.float64) for _ in range(3)]
    assert torch.autograd.gradcheck(call, args)


@each_call
def test_second_derivatives_agree_with_finite_differences(call):
    args = [leaf(2, 3, dtype=torch.float64) for _ in range(3)]
    assert torch.autograd.gradgradcheck(call, args)


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_gradients_agree(backend):
    args = [leaf(2, 3) for _ in range(3)]
    compiled = torch.compile(CALLS["everything"], backend=backend, fullgraph=True)
    found = torch.autograd.grad(compiled(*args).sum(), args)
    x, w, b = args
    expected = torch.autograd.grad(polynomial(x, w, 3, bias=b, scale=0.5).sum(), args)
    torch.testing.assert_close(found, expected)


def test_absent_optional_compiled():
    x, b = leaf(3), leaf(3)
    compiled = torch.compile(
        lambda x, b: POLYNOMIAL(x, bias=b), backend="aot_eager", fullgraph=True
    )
    compiled(x, b).sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())
    assert torch.equal(b.grad, torch.ones(3))


def test_opcheck_of_keyword_only_arguments():
    torch.library.opcheck(POLYNOMIAL.default, (leaf(3), leaf(3)), {"bias": torch.randn(3)})


LIST = derived(
    "chain_@UNIQUE@(Tensor[] xs, float factor) -> Tensor",
    lambda xs, factor: xs[0] * xs[1] * factor + xs[2],
)


def test_list_of_tensors():
    args = [leaf(3, dtype=torch.float64) for _ in range(3)]
    assert torch.autograd.gradcheck(lambda *xs: LIST(list(xs), 2.0), args)


def test_list_of_which_one_needs_a_gradient():
    xs = [torch.randn(3), leaf(3), torch.randn(3)]
    LIST(xs, 2.0).sum().backward()
    torch.testing.assert_close(xs[1].grad, 2 * xs[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_list_compiled(backend):
    xs = [leaf(3), leaf(3), leaf(3)]
    compiled = torch.compile(lambda *xs: LIST(list(xs), 2.0), backend=backend, fullgraph=True)
    found = torch.autograd.grad(compiled(*xs).sum(), xs)
    expected = 2 * xs[1].detach(), 2 * xs[0].detach(), torch.ones(3)
    torch.testing.assert_close(found, expected)


def test_opcheck_of_a_list():
    torch.library.opcheck(LIST.default, ([leaf(3), torch.randn(3), leaf(3)], 2.0))


BOTH = derived(
    "both_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)", lambda x, y: (x + y, x * y * y)
)


@pytest.mark.parametrize("used", [[0], [1], [0, 1]])
def test_results_of_which_some_are_used(used):
    x, y = leaf(3, dtype=torch.float64), leaf(3, dtype=torch.float64)
    results = BOTH(x, y)
    found = torch.autograd.grad(sum(results[i].sum() for i in used), (x, y))
    expected = x + y, x * y * y
    wanted = torch.autograd.grad(sum(expected[i].sum() for i in used), (x, y))
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_results_compiled(backend):
    x, y = leaf(3), leaf(3)
    compiled = torch.compile(lambda x, y: BOTH(x, y)[1], backend=backend, fullgraph=True)
    found = torch.autograd.grad(compiled(x, y).sum(), (x, y))
    torch.testing.assert_close(found, torch.autograd.grad((x * y * y).sum(), (x, y)))


def list_result():
    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.arg_tensor(1)
        ksel.return_new_tensor_list([x.t.shape] * 2, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(arith.addf(kb.arg(0), kb.arg(1)), arith.mulf(kb.arg(0), kb.arg(1)))

    return make_op(
        "listed_@UNIQUE@(Tensor x, Tensor y) -> Tensor[]",
        select,
        generate,
        backward=derive_backward(lambda x, y: [x + y, x * y]),
        vmap="loop",
    )


def test_list_result():
    packet, x, y = list_result(), leaf(3), leaf(3)
    total, product = packet(x, y)
    assert torch.equal(total, x + y)
    product.sum().backward()
    assert torch.equal(x.grad, y)
    torch.library.opcheck(packet.default, (x, y))


def test_list_result_compiled_and_mapped():
    packet, x, y = list_result(), leaf(3), leaf(3)
    call = torch.compile(lambda x, y: packet(x, y)[1], backend="aot_eager", fullgraph=True)
    call(x, y).sum().backward()
    assert torch.equal(x.grad, y)
    found = torch.vmap(torch.func.grad(lambda x, y: packet(x, y)[1].sum()), (0, None))(
        torch.randn(2, 3), y.detach()
    )
    assert torch.equal(found, y.detach().expand(2, 3))


def test_integer_result_is_not_differentiable():
    packet = derived(
        "parts_@UNIQUE@(Tensor x) -> (Tensor, Tensor)", lambda x: (x * x, (x > 0).to(torch.int32))
    )
    x = leaf(3)
    square, positive = packet(x)
    assert square.requires_grad
    assert not positive.requires_grad
    assert torch.equal(positive, (x > 0).int())
    square.sum().backward()
    assert torch.equal(x.grad, 2 * x)


def test_integer_argument_passes_through():
    packet = derived(
        "times_@UNIQUE@(Tensor x, Tensor n) -> Tensor", lambda x, n: x * n.to(torch.float32)
    )
    x, n = leaf(3), torch.tensor([1, 2, 3])
    packet(x, n).sum().backward()
    assert torch.equal(x.grad, n.float())


def test_result_that_does_not_depend_on_what_asks():
    """Torch gives zero or None there; a leaf keeps None."""
    packet = derived(
        "constant_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)", lambda x, y: (x * 2, y * 2)
    )
    x, y = leaf(3), leaf(3)
    packet(x, y)[1].sum().backward()
    assert x.grad is None or not x.grad.any()
    assert torch.equal(y.grad, torch.full((3,), 2.0))


def test_native_that_cuts_the_graph_gives_none():
    packet = derived("cut_@UNIQUE@(Tensor x) -> Tensor", lambda x: x.detach() * 2)
    x = leaf(3)
    packet(x).sum().backward()
    assert x.grad is None


def test_zero_dimensional_and_empty_tensors():
    packet = derived("square_@UNIQUE@(Tensor x) -> Tensor", lambda x: x * x)
    for shape in ((), (0,), (2, 0)):
        x = torch.randn(shape, requires_grad=True)
        packet(x).sum().backward()
        assert torch.equal(x.grad, 2 * x)


def test_derivative_of_what_iree_cannot_compile_in_float64():
    """f64 erf does not compile; the f32 kernel's gradient is near torch's in f64."""

    def gelu(x):
        return 0.5 * x * (1 + torch.erf(x * 0.5**0.5))

    packet = derived("gelu_@UNIQUE@(Tensor x) -> Tensor", gelu, kernel=True)
    x = torch.linspace(-4, 4, 41).requires_grad_()
    y = packet(x)
    (found,) = torch.autograd.grad(y.sum(), x)
    wide = x.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(gelu(wide).sum(), wide)
    torch.testing.assert_close(y.double(), gelu(wide), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    assert torch.autograd.gradcheck(gelu, wide)


def test_second_derivative_of_a_native_in_float32_is_near_float64():
    packet = derived("tanh_@UNIQUE@(Tensor x) -> Tensor", torch.tanh)

    def second(function, x):
        (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        return torch.autograd.grad(first.sum(), x)[0]

    x = torch.linspace(-2, 2, 21).requires_grad_()
    expected = second(torch.tanh, x.detach().double().requires_grad_())
    torch.testing.assert_close(second(packet, x).double(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_gradient_keeps_its_dtype(dtype):
    packet = derived("square_@UNIQUE@(Tensor x) -> Tensor", lambda x: x * x)
    x = torch.tensor([1.0, -2.0, 3.0], dtype=dtype, requires_grad=True)
    packet(x).sum().backward()
    assert x.grad.dtype == dtype
    assert torch.equal(x.grad, 2 * x)


def test_backward_in_an_autocast_region_stays_in_the_dtype_of_the_call():
    packet = derived("matmul_@UNIQUE@(Tensor x, Tensor y) -> Tensor", torch.matmul, kernel=True)
    x, y = leaf(4, 4), leaf(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        packet(x, y).sum().backward()
    assert torch.equal(x.grad, torch.ones(4, 4) @ y.detach().t())


def test_gradient_that_is_not_asked_for_is_not_computed():
    seen = []

    def native(x, y):
        seen.append((x.requires_grad, y.requires_grad))
        return x * y

    packet = native_op("watched_@UNIQUE@(Tensor x, Tensor y) -> Tensor", multiply)
    register_autograd(packet, derive_backward(native))
    packet(leaf(3), torch.randn(3)).sum().backward()
    assert seen == [(True, False)]


# --- natives that do not fit --------------------------------------------------------------------


def test_native_that_takes_other_arguments_is_refused():
    packet = make_op("two_@UNIQUE@(Tensor x, *, Tensor y) -> Tensor", None, None)
    with pytest.raises(RegistrationError) as caught:
        register_autograd(packet, derive_backward(lambda x, z: x * z))
    assert str(caught.value) == (
        f"{op_of(packet).name}: its native takes (x, z), must take the arguments of the signature\n"
        f"    {op_of(packet).schema}\n"
        "    missing a required argument: 'z'"
    )


def test_native_with_another_number_of_results_is_refused():
    packet = native_op("one_@UNIQUE@(Tensor x) -> Tensor", lambda x: x * 2)
    register_autograd(packet, derive_backward(lambda x: (x * 2, x * 3)))
    with pytest.raises(RegistrationError) as caught:
        packet(leaf(3)).sum().backward()
    assert str(caught.value) == (
        f"{op_of(packet).name}: its native returns 2 results, must be 1 as the signature has"
    )


@pytest.mark.parametrize(
    ("native", "returned"),
    [(lambda x: (x * 2).sum(), "f32[]"), (lambda x: (x * 2).double(), "f64[3]")],
)
def test_native_with_another_result_is_refused(native, returned):
    packet = native_op("one_@UNIQUE@(Tensor x) -> Tensor", lambda x: x * 2)
    register_autograd(packet, derive_backward(native))
    with pytest.raises(RegistrationError) as caught:
        packet(leaf(3)).sum().backward()
    assert str(caught.value) == (
        f"{op_of(packet).name}: its native returns {returned}, must be f32[3] as the op does"
    )
