"""A kernel with a table of numbers, and the same as a whole program."""

from __future__ import annotations

import functools

from ir_runtime.device.driver_table import host_flags_for
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.launch.compile.program_record import program_files
from tests.launch.gpu.kernels import target

__all__ = ["TABLE", "WIDTH", "scaling", "scaling_source"]

WIDTH = 160
TABLE = tuple(i / 4 for i in range(WIDTH))
_DESTINATION = f", %out: tensor<?x{WIDTH}xf32> {{iree.abi.output = 0 : index}}"
_SOURCE = f"""
#map = affine_map<(i, j) -> (i, j)>
func.func @main(%x: tensor<?x{WIDTH}xf32>DESTINATION) -> tensor<?x{WIDTH}xf32> {{
  %table = arith.constant dense<{list(TABLE)}> : tensor<{WIDTH}xf32>
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x{WIDTH}xf32>
  %empty = tensor.empty(%rows) : tensor<?x{WIDTH}xf32>
  %y = linalg.generic {{
      indexing_maps = [#map, affine_map<(i, j) -> (j)>, #map],
      iterator_types = ["parallel", "parallel"]}}
      ins(%x, %table : tensor<?x{WIDTH}xf32>, tensor<{WIDTH}xf32>)
      outs(%empty : tensor<?x{WIDTH}xf32>) {{
    ^bb0(%a: f32, %b: f32, %o: f32):
      %s = arith.mulf %a, %b : f32
      linalg.yield %s : f32
  }} -> tensor<?x{WIDTH}xf32>
  return %y : tensor<?x{WIDTH}xf32>
}}
"""


def scaling_source(*, into_destination: bool) -> bytes:
    """Return the MLIR of what multiplies each row by the table, element by element.

    Args:
        into_destination: whether it takes the tensor of its result, as kernels of ops do.
    """
    return _SOURCE.replace("DESTINATION", _DESTINATION if into_destination else "").encode()


@functools.cache
def scaling(chip: str) -> Artifact:
    """Return the kernel for a target, as the store has it."""
    source = scaling_source(into_destination=True)
    wanted = target(chip)
    flags = (*wanted.flags, *BASE_FLAGS, *host_flags_for(wanted))
    compiled = compile_program("scaling", source, flags)
    program, executables = program_files(compiled, source, "main")
    key = KernelKey("scaling", "0" * 64, wanted.device_type, "3.13", (), "main")
    return Artifact(key, source, compiled.vmfb, program, executables)
