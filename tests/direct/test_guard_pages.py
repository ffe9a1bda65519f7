"""Do the kernels stay inside their buffers?  Each ends at a page that nobody may touch."""

from __future__ import annotations

import torch

from ir_runtime.op_reg import explain
from tests.cases import BY_OP, CASES, DTYPES, OpCase
from tests.direct.test_agreement import bits
from tests.launch.native.memory import guarded, survives
from tests.sampling import covering


@covering(case=[c for c in CASES if "out" in c.packet.overloads()], dtype=DTYPES, kinds=BY_OP)
def test_kernels_stay_inside_their_buffers(case: OpCase, dtype: torch.dtype):
    for given in case.same_rank_leads:
        lead = (2 * given[0], *given[1:])  # rows of 96 bytes: an even number ends at the page
        arguments = case.arguments(dtype, lead)
        expected = case.packet.default(*arguments)
        assert explain(case.packet, *arguments).executor == "direct"
        odd = [guarded(a) if isinstance(a, torch.Tensor) else a for a in arguments]
        out = guarded(torch.empty_like(expected))
        wanted = bits(expected)

        def run(odd=odd, out=out, wanted=wanted) -> bool:
            case.packet.out(*odd, out=out)
            return bits(out) == wanted

        assert survives(run), lead


def test_the_pages_are_guarded():
    """The tests above can fail: one element past the end kills."""
    x = guarded(torch.ones(16))
    assert not survives(lambda: bool(x.as_strided((1,), (1,), 16).item() or True))
