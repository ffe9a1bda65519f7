"""Products with a vmap rule and a backward of each form, for tests of torch's transforms."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.op_reg import derive_backward, register_autograd, register_vmap
from tests.op_reg.differentiable import (
    multiply,
    product_backward_op,
    product_gradients,
    product_op,
    save_inputs,
)

X, Y = torch.randn(3, 4), torch.randn(3, 4)


def elementwise(packet):
    """Return a rule that calls the op once, on all elements."""

    def rule(info, in_dims, *args):
        moved = [
            x.unsqueeze(0).expand(info.batch_size, *x.shape) if d is None else x.movedim(d, 0)
            for x, d in zip(args, in_dims, strict=True)
        ]
        return packet(*moved), 0

    return rule


def product_of(form, rule):
    """Register a product whose backward is of a form, and a vmap rule for each op of it."""
    packet = product_op()
    register_vmap(packet, "loop" if rule == "loop" else elementwise(packet))
    if form == "function":
        register_autograd(packet, product_gradients, setup_context=save_inputs)
    elif form == "native":
        register_autograd(packet, derive_backward(multiply))
    else:
        register_autograd(packet, product_backward_op(vmap="loop"))
    return packet


PRODUCTS = {
    f"{form}, {rule}": product_of(form, rule)
    for form in ("function", "op", "native")
    for rule in ("loop", "rule")
}
each_product = pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
LOOPED = PRODUCTS["native, loop"]


def total(product):
    return lambda x, y: product(x, y).sum()
