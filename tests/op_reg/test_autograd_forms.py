"""Does each form of backward behave as the backward of a torch function does?"""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from ir_runtime.counters import count_since
from ir_runtime.op_reg import derive_backward
from tests.op_reg.differentiable import (
    PRODUCTS,
    WEIGHTED,
    calls_below,
    leaf,
    multiply,
    native_op,
    product_gradients,
    save_inputs,
)
from tests.op_reg.ops import op_of
from tests.sampling import covering

each_form = pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
BACKENDS = ["aot_eager", "inductor"]


class Product(torch.nn.Module):
    def __init__(self, product):
        super().__init__()
        self.product = product
        self.weight = torch.nn.Parameter(torch.randn(3, 4))

    def forward(self, x):
        return self.product(x, self.weight) * 2


# --- values -------------------------------------------------------------------------------------


@each_form
def test_gradient_agrees_with_finite_differences(product):
    args = leaf(2, 3, dtype=torch.float64), leaf(2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(product, args)


@each_form
def test_second_derivative_agrees_with_finite_differences(product):
    args = leaf(2, 3, dtype=torch.float64), leaf(2, 3, dtype=torch.float64)
    assert torch.autograd.gradgradcheck(product, args)


GRADIENTS = {
    "transposed": torch.randn(4, 3).t(),
    "expanded": torch.tensor(2.0).expand(3, 4),
    "strided": torch.randn(3, 8)[:, ::2],
    "misaligned": torch.randn(13)[1:].view(3, 4),
    "requires grad": torch.randn(3, 4).neg().requires_grad_(),
}


@each_form
@pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)
def test_gradient_of_any_layout_comes_in(product, gradient):
    x, y = leaf(3, 4), leaf(3, 4)
    found = torch.autograd.grad(product(x, y), (x, y), gradient)
    torch.testing.assert_close(found, (gradient * y, gradient * x))


@each_form
def test_gradient_of_zero_size(product):
    x, y = leaf(0, 4), leaf(0, 4)
    product(x, y).sum().backward()
    assert x.grad.shape == (0, 4)


@each_form
def test_arguments_of_any_layout_get_gradients_of_their_shape(product):
    x, y = torch.randn(4, 3).t().requires_grad_(), torch.randn(4).expand(3, 4).requires_grad_()
    found = torch.autograd.grad(product(x, y).sum(), (x, y))
    torch.testing.assert_close(found, (y.detach().contiguous(), x.detach().contiguous()))


@each_form
def test_tensor_passed_twice_gets_both_gradients(product):
    x = leaf(4)
    product(x, x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())


@each_form
def test_one_argument_alone_gets_a_gradient(product):
    x, y = leaf(4), torch.randn(4)
    product(x, y).sum().backward()
    assert torch.equal(x.grad, y)
    assert y.grad is None


@each_form
def test_gradient_flows_through_a_chain(product):
    x = leaf(4, dtype=torch.float64)
    found = torch.autograd.grad(product(product(x.sin(), x), x).sum(), x)
    torch.testing.assert_close(found, torch.autograd.grad((x.sin() * x * x).sum(), x))


def test_broadcast_argument_gets_the_sum():
    x, w = leaf(3, 4, dtype=torch.float64), leaf(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(WEIGHTED, (x, w))


# --- what autograd offers -----------------------------------------------------------------------


@each_form
def test_graph_is_used_twice_if_retained(product):
    x, y = leaf(4), leaf(4)
    z = product(x, y).sum()
    z.backward(retain_graph=True)
    z.backward()
    assert torch.equal(x.grad, 2 * y.detach())


@each_form
def test_graph_is_used_once_if_not_retained(product):
    z = product(leaf(4), leaf(4)).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        z.backward()


@each_form
def test_argument_changed_in_place_is_noticed(product):
    x, y = leaf(4), leaf(4)
    h = x * 1
    z = product(h, y)
    h.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


@each_form
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint_recomputes(product, reentrant):
    x, y = leaf(4), leaf(4)
    checkpoint(lambda x, y: product(x, y).sin(), x, y, use_reentrant=reentrant).sum().backward()
    assert torch.allclose(x.grad, (x * y).cos() * y)


@each_form
def test_saved_tensors_pass_through_hooks(product):
    x, y = leaf(4), leaf(4)
    with torch.autograd.graph.save_on_cpu():
        product(x, y).sum().backward()
    assert torch.equal(x.grad, y)


@each_form
def test_hooks_see_and_change_gradients(product):
    x, y, seen = leaf(4), leaf(4), []
    z = product(x, y)
    z.register_hook(lambda g: g * 3)
    z.grad_fn.register_hook(lambda ins, outs: seen.append((len(ins), len(outs))))
    z.sum().backward()
    assert torch.equal(x.grad, 3 * y)
    assert seen[0][1] == 1


@each_form
def test_graph_is_named_after_the_op(product):
    assert product(leaf(4), leaf(4)).grad_fn.name() == f"{op_of(product).name}Backward"


@each_form
def test_module_hooks_see_gradients(product):
    model, seen = Product(product), []
    model.register_full_backward_hook(lambda module, ins, outs: seen.append(outs[0].clone()))
    model(leaf(3, 4)).sum().backward()
    assert torch.equal(seen[0], torch.ones(3, 4))


@each_form
def test_threads_run_backward_of_one_graph(product):
    """Each gets all gradients, though it shares the graph."""
    x, y = leaf(64), leaf(64)
    z, found = product(x, y).sum(), []

    def run():
        found.extend(torch.autograd.grad(z, (x, y), retain_graph=True) for _ in range(20))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(torch.equal(gx, y) and torch.equal(gy, x) for gx, gy in found)


@each_form
def test_no_grad_records_nothing(product):
    with torch.no_grad():
        assert not product(leaf(4), leaf(4)).requires_grad


@each_form
def test_inference_mode_records_nothing(product):
    with torch.inference_mode():
        assert not product(leaf(4), leaf(4)).requires_grad


@each_form
def test_inference_tensor_cannot_be_saved(product):
    with torch.inference_mode():
        frozen = torch.randn(4)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        product(leaf(4), frozen)


@each_form
def test_graph_keeps_arguments_no_longer_than_it_lives(product):
    hidden = leaf(4) * 1
    alive = weakref.ref(hidden)
    z = product(hidden, leaf(4))
    del hidden, z
    gc.collect()
    assert alive() is None


@each_form
def test_plain_call_takes_the_short_way(product):
    x = torch.randn(4)
    with calls_below(product) as seen:
        product(x, x)
    assert seen == []
    with calls_below(product) as seen:
        product(x.requires_grad_(), x)
    assert seen == [1]


# --- traced -------------------------------------------------------------------------------------


@covering(form=tuple(PRODUCTS), backend=BACKENDS)
def test_compiled_gradient_is_right(form, backend):
    product = PRODUCTS[form]
    x, y = leaf(3, 4), leaf(3, 4)
    compiled = torch.compile(lambda x, y: product(x, y).sin(), backend=backend, fullgraph=True)
    found = torch.autograd.grad(compiled(x, y).sum(), (x, y))
    expected = torch.autograd.grad((x * y).sin().sum(), (x, y))
    torch.testing.assert_close(found, expected)


@each_form
def test_compiled_gradient_is_right_for_dynamic_shapes(product):
    compiled = torch.compile(product, backend="aot_eager", fullgraph=True, dynamic=True)
    with count_since() as counts:
        for rows in (3, 5, 7):
            x, y = leaf(rows, 2), leaf(rows, 2)
            compiled(x, y).sum().backward()
            assert torch.equal(x.grad, y)
    assert counts[0].compiles <= 2  # the product's kernel and its backward's


@each_form
def test_compiled_model_trains_as_the_eager_one(product):
    torch._dynamo.reset()
    eager, x = Product(product), torch.randn(3, 4)
    compiled = Product(product)
    compiled.load_state_dict(eager.state_dict())
    for model in (eager, torch.compile(compiled, backend="aot_eager", fullgraph=True)):
        for _ in range(3):
            model(x).square().sum().backward()
    assert torch.allclose(eager.weight.grad, compiled.weight.grad)


@each_form
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch.export copies its own
def test_exported_op_is_differentiable(product):
    """The exported graph holds the op itself, with its gradient."""
    model, x = Product(product), leaf(3, 4)
    exported = torch.export.export(model, (x,))
    assert product.default in [node.target for node in exported.graph.nodes]
    exported.module()(x).sum().backward()
    assert torch.allclose(x.grad, 2 * model.weight)


@each_form
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_exported_op_survives_decomposition(product):
    x = leaf(3, 4)
    lowered = torch.export.export(Product(product), (x,)).run_decompositions()
    assert product.default in [node.target for node in lowered.graph.nodes]


@each_form
def test_opcheck(product):
    torch.library.opcheck(product.default, (leaf(3, 4), leaf(3, 4)))


def test_class_attribute_is_as_good_as_registration():
    packet = native_op(
        "declared_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        multiply,
        backward=derive_backward(multiply),
    )
    assert torch.autograd.gradcheck(packet, (leaf(2).double(), leaf(2).double()))


def test_class_methods_are_as_good_as_registration():
    packet = native_op(
        "declared_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        multiply,
        setup_context=lambda self, ctx, inputs, output: save_inputs(ctx, inputs, output),
        backward=lambda self, ctx, gradient: product_gradients(ctx, gradient),
    )
    assert torch.autograd.gradcheck(packet, (leaf(2).double(), leaf(2).double()))
