"""Cases of products, convolutions, pooling, normalization and other parts of networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.aot.operators.cases import case, core
from tests.aot.operators.inputs import line, mask, positive, random

aten = torch.ops.aten


def _long(d):
    return 9 if d == torch.float64 else 2001


core(
    "mm.default",
    lambda d: (random(d, 4, 5), random(d, 5, 3)),
    lambda d: (random(d, 0, 5), random(d, 5, 3)),
    dtypes="fi",
)
core("bmm.default", lambda d: (random(d, 2, 4, 5), random(d, 2, 5, 3)), dtypes="fi")
core("addmm.default", lambda d: (random(d, 3), random(d, 4, 5), random(d, 5, 3)), dtypes="fi")
case("vector @ matrix", lambda v, m: v @ m, lambda d: (random(d, 5), random(d, 5, 3)), dtypes="fi")
case("matrix @ vector", torch.mv, lambda d: (random(d, 4, 5), random(d, 5)), dtypes="fi")
case("dot", torch.dot, lambda d: (random(d, 5), random(d, 5)), dtypes="fi")
case("matmul", torch.matmul, lambda d: (random(d, 2, 1, 4, 5), random(d, 3, 5, 2)))
case("linear", F.linear, lambda d: (random(d, 2, 4, 5), random(d, 3, 5), random(d, 3)))
case("bilinear", F.bilinear, lambda d: (random(d, 4, 5), random(d, 4, 3), random(d, 2, 5, 3)))
case(
    "einsum",
    lambda x, y: torch.einsum("bij,bjk->bik", x, y),
    lambda d: (random(d, 2, 4, 5), random(d, 2, 5, 3)),
)
case("outer", torch.outer, lambda d: (random(d, 4), random(d, 5)), dtypes="fi")
case("kron", torch.kron, lambda d: (random(d, 2, 3), random(d, 2, 2)), dtypes="fi")
case(
    "baddbmm", torch.baddbmm, lambda d: (random(d, 2, 4, 3), random(d, 2, 4, 5), random(d, 2, 5, 3))
)
case("addr", torch.addr, lambda d: (random(d, 4, 5), random(d, 4), random(d, 5)))
case("trace", torch.trace, lambda d: (random(d, 4, 4),), dtypes="fi")
core(
    "convolution.default",
    lambda d: (random(d, 2, 3, 8, 8), random(d, 4, 3, 3, 3), random(d, 4)),
    call=lambda op, x, w, b: op(x, w, b, [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
)
case(
    "conv1d",
    lambda x, w: F.conv1d(x, w, stride=2, padding=1),
    lambda d: (random(d, 2, 3, 9), random(d, 4, 3, 3)),
)
case(
    "conv grouped",
    lambda x, w: F.conv1d(x, w, groups=3),
    lambda d: (random(d, 2, 3, 9), random(d, 6, 1, 3)),
)
case("conv3d", F.conv3d, lambda d: (random(d, 1, 2, 4, 4, 4), random(d, 2, 2, 2, 2, 2)))
case(
    "conv_transpose2d",
    lambda x, w: F.conv_transpose2d(x, w, stride=2),
    lambda d: (random(d, 1, 2, 4, 4), random(d, 2, 3, 2, 2)),
)
IMAGE = lambda d: (random(d, 2, 3, 8, 8),)  # noqa: E731
core("avg_pool2d.default", IMAGE, call=lambda op, x: op(x, [2, 2], [2, 2]))
core(
    "avg_pool3d.default",
    lambda d: (random(d, 1, 2, 4, 4, 4),),
    call=lambda op, x: op(x, [2, 2, 2], [2, 2, 2]),
)
case(
    "group_norm", lambda x, w: F.group_norm(x, 2, w), lambda d: (random(d, 2, 4, 9), positive(d, 4))
)
case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), lambda d: (random(d, 2, 3, 9),))
case("avg_pool1d of a line", lambda x: F.avg_pool1d(x, 2001), lambda d: (random(d, 2, 3, 2001),))
core("max_pool2d_with_indices.default", IMAGE, call=lambda op, x: op(x, [2, 2], [2, 2]), exact=True)
core(
    "max_pool3d_with_indices.default",
    lambda d: (random(d, 1, 2, 4, 4, 4),),
    call=lambda op, x: op(x, [2, 2, 2], [2, 2, 2]),
    exact=True,
)
case("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), IMAGE, exact=True)
case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), lambda d: (random(d, 2, 3, 9),), exact=True)
core("_adaptive_avg_pool2d.default", IMAGE, call=lambda op, x: op(x, [3, 4]), static=True)
core(
    "_adaptive_avg_pool3d.default",
    lambda d: (random(d, 1, 2, 4, 4, 4),),
    call=lambda op, x: op(x, [2, 2, 2]),
    static=True,
)
case(
    "adaptive_avg_pool1d",
    lambda x: F.adaptive_avg_pool1d(x, 4),
    lambda d: (random(d, 2, 3, 9),),
    static=True,
)
case("adaptive_avg_pool2d to one", lambda x: F.adaptive_avg_pool2d(x, 1), IMAGE)
case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, 2), IMAGE, static=True)
for n, name in enumerate(("reflection_pad1d", "reflection_pad2d", "reflection_pad3d"), 1):
    core(
        f"{name}.default",
        lambda d, n=n: (random(d, 2, 3, *[4] * n),),
        call=lambda op, x, n=n: op(x, [1, 2] * n),
        exact=True,
    )
for n, name in enumerate(("replication_pad2d", "replication_pad3d"), 2):
    core(
        f"{name}.default",
        lambda d, n=n: (random(d, 2, 3, *[4] * n),),
        call=lambda op, x, n=n: op(x, [1, 2] * n),
        exact=True,
    )
core("upsample_nearest2d.vec", IMAGE, call=lambda op, x: op(x, None, [2.0, 2.0]), exact=True)
core("upsample_bilinear2d.vec", IMAGE, call=lambda op, x: op(x, None, False, [2.0, 2.0]))
case(
    "interpolate bilinear to a size",
    lambda x: F.interpolate(x, (5, 11), mode="bilinear", align_corners=True),
    IMAGE,
    static=True,
)
case(
    "interpolate bicubic",
    lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    IMAGE,
    static=True,
)
case(
    "interpolate linear",
    lambda x: F.interpolate(x, scale_factor=2, mode="linear"),
    lambda d: (random(d, 2, 3, 9),),
)
case(
    "interpolate nearest 1d",
    lambda x: F.interpolate(x, scale_factor=2),
    lambda d: (random(d, 2, 3, 9),),
    exact=True,
)
core(  # in f64 torch's own coordinates lose as many digits
    "grid_sampler_2d.default",
    lambda d: (random(d, 2, 3, 5, 5), random(d, 2, 4, 4, 2, low=-1.2, high=1.2)),
    call=lambda op, x, g: op(x, g, 0, 0, False),
    dtypes=(torch.float32,),
)
case(
    "grid_sample nearest",
    lambda x, g: F.grid_sample(x, g, mode="nearest", align_corners=True),
    lambda d: (random(d, 2, 3, 5, 5), random(d, 2, 4, 4, 2, low=-1.2, high=1.2)),
    dtypes=(torch.float32, torch.float64),
)
case(  # NaN and infinities among the coordinates
    "grid_sample no place",
    lambda x, g: tuple(
        F.grid_sample(x, g, mode=mode, padding_mode=padding, align_corners=False)
        for mode, padding in (
            ("bilinear", "zeros"),
            ("bilinear", "border"),
            ("nearest", "reflection"),
        )
    ),
    lambda d: (random(d, 1, 3, 5, 5), torch.cartesian_prod(*[line(d)[:6]] * 2).view(1, 6, 6, 2)),
    dtypes=(torch.float32,),
)
case(
    "affine_grid",
    lambda t: F.affine_grid(t, [2, 3, 4, 4], align_corners=False),
    lambda d: (random(d, 2, 2, 3),),
    static=True,
)
core(
    "col2im.default",
    lambda d: (random(d, 2, 12, 9),),
    call=lambda op, x: op(x, [4, 4], [2, 2], [1, 1], [0, 0], [1, 1]),
)
case("unfold (im2col)", lambda x: F.unfold(x, 2), IMAGE, exact=True)
case(
    "pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), lambda d: (random(d, 2, 8, 3, 3),), exact=True
)
case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), IMAGE, exact=True)
core(
    "native_layer_norm.default",
    lambda d: (random(d, 4, 9), positive(d, 9), random(d, 9)),
    lambda d: (random(d, 3, n := _long(d)), positive(d, n), random(d, n)),
    call=lambda op, x, w, b: op(x, [x.shape[-1]], w, b, 1e-5)[::2],
)
core(
    "native_group_norm.default",
    lambda d: (random(d, 2, 4, 9), positive(d, 4), random(d, 4)),
    lambda d: (random(d, 2, 4, _long(d)), positive(d, 4), random(d, 4)),
    call=lambda op, x, w, b: op(x, w, b, x.shape[0], x.shape[1], x.shape[2], 2, 1e-5)[::2],
)
core(
    "_native_batch_norm_legit_no_training.default",
    lambda d: (random(d, 2, 4, 9), positive(d, 4), random(d, 4), random(d, 4), positive(d, 4)),
    call=lambda op, *a: op(*a, 0.1, 1e-5)[0],
)
core(
    "_native_batch_norm_legit.default",
    lambda d: (random(d, 2, 4, 9), positive(d, 4), random(d, 4), random(d, 4), positive(d, 4)),
    call=lambda op, x, w, b, m, v: op(x, w, b, m.clone(), v.clone(), False, 0.1, 1e-5)[0],
)
core(
    "_native_batch_norm_legit.no_stats",
    lambda d: (random(d, 2, 4, 9), positive(d, 4), random(d, 4)),
    call=lambda op, *a: op(*a, True, 0.1, 1e-5)[0],
)
case(
    "rms_norm",
    lambda x, w: F.rms_norm(x, (x.shape[-1],), w, 1e-5),
    lambda d: (random(d, 4, 9), positive(d, 9)),
    lambda d: (random(d, 3, n := _long(d)), positive(d, n)),
)
case("instance_norm", F.instance_norm, lambda d: (random(d, 2, 4, 9),))
case("local_response_norm", lambda x: F.local_response_norm(x, 2), lambda d: (random(d, 2, 4, 9),))
case(
    "scaled_dot_product_attention",
    F.scaled_dot_product_attention,
    lambda d: (random(d, 2, 3, 4, 8), random(d, 2, 3, 6, 8), random(d, 2, 3, 6, 8)),
)
case(
    "attention causal",
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    lambda d: (random(d, 2, 3, 4, 8), random(d, 2, 3, 4, 8), random(d, 2, 3, 4, 8)),
)
case(
    "attention masked",
    F.scaled_dot_product_attention,
    lambda d: (
        random(d, 2, 3, 4, 8),
        random(d, 2, 3, 6, 8),
        random(d, 2, 3, 6, 8),
        mask(4, 6) | (torch.arange(6) < 1),
    ),
)
_BAG = torch.tensor([0, 2, 1, 3, 3]), torch.tensor([0, 2])
core(
    "_embedding_bag.default",
    lambda d: (random(d, 5, 3), *_BAG),
    call=lambda op, w, i, o: op(w, i, o, False, 0)[0],
    dtypes=(torch.float32, torch.float64),
)
case(
    "embedding_bag mean",
    lambda w, i, o: F.embedding_bag(i, w, o, mode="mean"),
    lambda d: (random(d, 5, 3), *_BAG),
    dtypes=(torch.float32, torch.float64),
)
TARGET = torch.tensor([1, 0, 4, 2])
case("cross_entropy", F.cross_entropy, lambda d: (random(d, 4, 5), TARGET))
case("nll_loss", F.nll_loss, lambda d: (random(d, 4, 5), TARGET))
for name in ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "soft_margin_loss"]:
    case(name, getattr(F, name), lambda d: (random(d, 4, 5), random(d, 5, 4).t()))
case(
    "binary_cross_entropy",
    F.binary_cross_entropy,
    lambda d: (positive(d, 4, 5) / 4, positive(d, 5, 4).t() / 4),
)
case(
    "kl_div",
    lambda x, y: F.kl_div(x, y, reduction="sum"),
    lambda d: (random(d, 4, 5), positive(d, 4, 5)),
)
case("cosine_similarity", F.cosine_similarity, lambda d: (random(d, 4, 5), random(d, 4, 5) + 1))

# derivatives, as they occur in programs of training
core(
    "_adaptive_avg_pool2d_backward.default",
    lambda d: (random(d, 2, 3, 2, 2), random(d, 2, 3, 8, 8)),
    static=True,
)
core(
    "avg_pool2d_backward.default",
    lambda d: (random(d, 2, 3, 4, 4), random(d, 2, 3, 8, 8)),
    call=lambda op, g, x: op(g, x, [2, 2], [2, 2], [0, 0], False, True, None),
    static=True,
)
core(
    "convolution_backward.default",
    lambda d: (random(d, 2, 4, 8, 8), random(d, 2, 3, 8, 8), random(d, 4, 3, 3, 3)),
    call=lambda op, g, x, w: op(
        g, x, w, [4], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, True]
    ),
    static=True,
)
core(
    "embedding_dense_backward.default",
    lambda d: (random(d, 4, 3), torch.tensor([0, 2, 1, 2])),
    call=lambda op, g, i: op(g, i, 5, -1, False),
)
core(
    "max_pool2d_with_indices_backward.default",
    lambda d: (random(d, 2, 3, 4, 4), random(d, 2, 3, 8, 8)),
    call=lambda op, g, x: op(
        g,
        x,
        [2, 2],
        [2, 2],
        [0, 0],
        [1, 1],
        False,
        aten.max_pool2d_with_indices.default(x, [2, 2], [2, 2])[1],
    ),
    static=True,
)
core(
    "native_group_norm_backward.default",
    lambda d: (
        random(d, 2, 4, 9),
        random(d, 4, 9, 2).permute(2, 0, 1),
        random(d, 2, 2),
        positive(d, 2, 2),
        positive(d, 4),
    ),
    call=lambda op, g, x, m, r, w: op(g, x.contiguous(), m, r, w, 2, 4, 9, 2, [True, True, True]),
    static=True,
    dtypes=(torch.float32, torch.float64),
)
core(
    "native_layer_norm_backward.default",
    lambda d: (
        random(d, 4, 9),
        random(d, 9, 4).t(),
        random(d, 4, 1),
        positive(d, 4, 1),
        positive(d, 9),
        random(d, 9),
    ),
    call=lambda op, g, x, m, r, w, b: op(g, x.contiguous(), [9], m, r, w, b, [True, True, True]),
    dtypes=(torch.float32, torch.float64),
)
