"""Regions: apart is a proof, checked by listing the bytes."""

from __future__ import annotations

import itertools

import torch

from ir_runtime.passes.inplace.region import may_overlap, region_of


def places(t):
    base = torch.arange(t.untyped_storage().nbytes() // t.element_size())
    return set(base.as_strided(t.shape, t.stride(), t.storage_offset()).flatten().tolist())


def test_all_pairs_of_views():
    x = torch.zeros(6, 8)
    views = [x, x[:3], x[3:], x[:, :4], x[:, 4:], x[::2], x[1::2], x[:, ::2], x[:, 1::2], x[2]]
    views += [x[1:3, 2:5], x[1:3, 5:], x.t(), x.t()[2:], x[0, 3], x.view(3, 2, 8)[:, 1], x[:0]]
    views += [x.view(-1)[5:20], x.view(6, 2, 4)[:, 0], x.view(6, 2, 4)[:, 1, 2:], x[3].expand(2, 8)]
    apart = proven = 0
    for one, other in itertools.combinations(views, 2):
        overlap = bool(places(one) & places(other))
        found = may_overlap(region_of(one), region_of(other))
        assert found == may_overlap(region_of(other), region_of(one))
        assert found or not overlap
        apart += not overlap
        proven += not found
    assert proven > 0.8 * apart
