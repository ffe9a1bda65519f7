"""Does `out=` write where it is told, whatever the memory is shared with?"""

from __future__ import annotations

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.counters import count_since
from ir_runtime.op_reg import CustomOp, MlirTemplate
from tests.op_reg.ops import LIBRARY, op_of

REVERSE = MlirTemplate(
    "reverse",
    """
!x = tensor<?x48xf32>
util.func private @reverse(%x: !x) -> !x {
  %c0 = arith.constant 0 : index
  %c47 = arith.constant 47 : index
  %n = tensor.dim %x, %c0 : !x
  %e = tensor.empty(%n) : !x
  %0 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} outs(%e : !x) {
  ^bb0(%b: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.subi %c47, %j : index
    %v = tensor.extract %x[%i, %k] : !x
    linalg.yield %v : f32
  } -> !x
  util.return %0 : !x
}
""",
)
GELU = torch.ops.ir_kernels.gelu


@CustomOp.register(library=LIBRARY)
class reverse(CustomOp):
    """Reverse each row: an element of the result needs another one of the argument."""

    signature = "reverse(Tensor x) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0).require(dtypes=(torch.float32,), rank=2)
        x.specialize_dims(-1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_dims(-1)

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(REVERSE, {}, kb.arg_value(0)))


def test_out_is_written_where_it_lies():
    x, out = torch.randn(6, 48), torch.empty(6, 48)
    place, version = out.data_ptr(), out._version
    with count_since() as counts:
        assert GELU.out(x, out=out) is out
    assert (out.data_ptr(), counts[0].copies) == (place, 0)
    assert out._version > version
    assert torch.equal(out, GELU(x))


def test_out_that_is_the_argument_is_staged():
    """Written in place, a row would be reversed twice in part: silently wrong."""
    x = torch.randn(64, 48)
    expected = x.flip(-1)
    with count_since() as counts:
        reverse.out(x, out=x)
    assert counts[0].copies == 1
    assert torch.equal(x, expected)


@pytest.mark.parametrize("shift", [1, 7, 16])
def test_out_that_overlaps_the_argument_in_part_is_staged(shift: int):
    room = torch.randn(16 + 3, 48)
    x, out = room[:16], room.view(-1)[shift : shift + 16 * 48].view(16, 48)
    expected = x.flip(-1)
    reverse.out(x, out=out)
    assert torch.equal(out, expected)


def test_an_elementwise_op_writes_its_argument_in_place():
    assert op_of(GELU).elementwise
    x = torch.randn(300, 48)
    expected = GELU(x)
    with count_since() as counts:
        GELU.out(x, out=x)
    assert counts[0].copies == 0
    assert torch.equal(x, expected)


def test_an_elementwise_op_stages_what_overlaps_in_part():
    room = torch.randn(17, 48)
    x, out = room[:16], room[1:]
    expected = GELU(x)
    with count_since() as counts:
        GELU.out(x, out=out)
    assert counts[0].copies == 1
    assert torch.equal(out, expected)


def test_every_elementwise_kernel_of_the_catalogue_is_so_indeed():
    """Each result element must change with the argument's element at its place alone."""
    from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS

    names = {n for n, op in ALL_CUSTOM_OP_REGS.items() if n.startswith("ir_k") and op.elementwise}
    assert names == {"ir_kernels::gelu"}
    x = torch.randn(4, 48)
    base = GELU(x)
    for place in (0, 50, 191):
        other = x.clone()
        other.view(-1)[place] += 1
        changed = (GELU(other) != base).view(-1).nonzero().flatten().tolist()
        assert changed == [place]
