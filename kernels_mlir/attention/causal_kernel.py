"""The kernel of causal attention on CPUs: in query blocks, or for one token a sequence.

One token reads keys and values as they lie; more tokens pack them, in the forms of the encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.dtypes import dtype_info
from ir_runtime.op_reg import JinjaTemplateLoader, KernelSelection, call_function
from ir_runtime.rows.vector_functions import vector_functions
from kernels_mlir.attention.decode import Decode, call_decode, decode_form
from kernels_mlir.attention.form import form_for
from kernels_mlir.attention.rules import scale_of, window_of

if TYPE_CHECKING:
    from iree.compiler.ir import Value
    from torch import Tensor

    from ir_runtime.op_reg import KernelBuilder

__all__ = ["causal_variant", "generate_causal_attention"]

TEMPLATES = JinjaTemplateLoader(__name__)

VECTOR_LANES = 16


def causal_variant(query: Tensor, mask: Tensor | None, window: int | None) -> str:
    """Return the variant: the form of one token, or that of query blocks."""
    one = is_one_token(query, mask)
    return decode_form().name if one else form_for(query.dtype, window=window, causal=True).name


def is_one_token(query: Tensor, mask: Tensor | None) -> bool:
    """Tell whether a call is for one token a sequence, with a mask that is equal for all heads."""
    plain = mask is None or (type(mask.shape[1]) is int and mask.shape[1] == 1)
    return type(query.shape[1]) is int and query.shape[1] == 1 and plain


def generate_causal_attention(ksel: KernelSelection, kb: KernelBuilder) -> None:
    """Yield the result for the operands of `causal_attention`."""
    args = ksel.arg_descs
    query, mask = args[0].t, kb.arg_value(7)
    one = is_one_token(query, None if mask is None else args[7].t)
    kb.yield_results(_attend_from_one(ksel, kb) if one else _attend_in_blocks(ksel, kb))


def _attend_from_one(ksel: KernelSelection, kb: KernelBuilder) -> Value:
    args = ksel.arg_descs
    query, key, sinks, mask = args[0].t, args[1].t, kb.arg_value(6), kb.arg_value(7)
    heads_first, length = bool(args[8].v), kb.arg_value(9)
    what = Decode(
        heads=query.shape[2],
        kv_heads=key.shape[1 if heads_first else 2],
        depth=query.shape[3],
        dtype=query.dtype,
        cache=key.dtype,
        place="heads_first" if heads_first else "tokens_first",
        scale=scale_of(query, args[3].v),
        window=window_of(args[4].v),
        soft_cap=args[5].v,
        sinks=None if sinks is None else args[6].t.dtype,
        mask=None if mask is None else args[7].t.dtype,
        sliced=length is not None,
    )
    operands = [_without_token(kb, kb.arg_value(0), [[0, 1], [2], [3]])]
    operands += [kb.arg_value(1), kb.arg_value(2)]
    if mask is not None:
        operands.append(_without_token(kb, mask, [[0, 1, 2], [3]]))
    operands += [v for v in (sinks, length) if v is not None]
    (out,) = call_decode(kb, what, operands)
    return _with_token(kb, out, query)


def _attend_in_blocks(ksel: KernelSelection, kb: KernelBuilder) -> Value:
    args = ksel.arg_descs
    query, key, sinks, mask = args[0].t, args[1].t, kb.arg_value(6), kb.arg_value(7)
    scale, soft_cap, heads_first = scale_of(query, args[3].v), args[5].v, bool(args[8].v)
    window, length = args[4].v, kb.arg_value(9)
    function = TEMPLATES.inline_template_function(
        kb,
        "attention",
        "attention",
        heads=query.shape[2],
        kv_heads=key.shape[1 if heads_first else 2],
        depth=query.shape[3],
        element=dtype_info(query.dtype).mlir,
        scale=scale,
        packed=False,
        causal=True,
        heads_first=heads_first,
        window=window_of(window),
        soft_cap=soft_cap,
        mask=None if mask is None else dtype_info(args[7].t.dtype).mlir,
        sinks=None if sinks is None else dtype_info(args[6].t.dtype).mlir,
        sliced=length is not None,
        # Scores that are changed or compared with others are scaled first.
        scaled_first=not (soft_cap is None and mask is None and sinks is None and scale != 0),
        functions=vector_functions(["tanh"] * (soft_cap is not None), VECTOR_LANES),
        **form_for(query.dtype, window=window, causal=True).parameters(),
    )
    operands = [*(kb.arg_value(i) for i in range(3)), mask, sinks, length]
    with kb.context, kb.location, kb.ip:
        return call_function(function, *(v for v in operands if v is not None))[0]


def _without_token(kb: KernelBuilder, value: Value, groups: list[list[int]]) -> Value:
    """Merge dimensions of size 1 into the first one."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(value.type)
    with kb.context, kb.location, kb.ip:
        shape = [kind.shape[group[0]] for group in groups]
        return tensor.collapse_shape(RankedTensorType.get(shape, kind.element_type), value, groups)


def _with_token(kb: KernelBuilder, value: Value, query: Tensor) -> Value:
    """Give `[B, H, D]` the dimension of tokens again."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(value.type)
    with kb.context, kb.location, kb.ip:
        shape = [kind.shape[0], 1, *query.shape[2:]]
        batch = tensor.dim(value, kb.constant_index(0))
        target = RankedTensorType.get(shape, kind.element_type)
        return tensor.expand_shape(target, value, [[0, 1], [2], [3]], [batch], shape)
