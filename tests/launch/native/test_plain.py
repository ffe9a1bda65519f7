"""Which tensors does `is_plain` let past torch's dispatcher?"""

from __future__ import annotations

import torch
from torch.autograd import forward_ad

from ir_runtime.launch.direct.native._launcher import is_plain


class Own(torch.Tensor):
    """A subclass."""


def test_plain_tensors_are() -> None:
    x, weight = torch.ones(3), torch.nn.Parameter(torch.ones(3))
    assert is_plain()
    assert is_plain(x, x.half()[::2])
    assert is_plain(torch.nn.Parameter(x, requires_grad=False))
    with torch.no_grad():
        assert is_plain(x, weight)


def test_all_else_is_not() -> None:
    x = torch.ones(3)
    others = (None, 1.0, [x], x.to("meta"), x.as_subclass(Own), torch.ones(3, requires_grad=True))
    for other in others:
        assert not is_plain(x, other), other
        assert not is_plain(other, x), other
    with forward_ad.dual_level():
        assert not is_plain(x)
    seen: list[bool] = []
    torch.vmap(lambda row: (seen.append(is_plain(row) or is_plain(x)), row)[1])(torch.ones(2, 3))
    assert seen == [False]
