"""The number that stands for this package's own code in the key of every kernel."""

from __future__ import annotations

__all__ = ["MLIR_SCHEMA"]

MLIR_SCHEMA = 4
"""Version of the MLIR that the builder writes for a given op.

Raise it with each change that makes the builder (`KernelBuilder`, template loaders, the import of
torch functions, the dtype table) write other MLIR for the same `generate`: stored kernels are then
compiled again. Other changes of this package leave it, and every stored kernel, as they are.
`tests/golden_mlir` keeps MLIR of the catalogue and of each feature of the builder: a test fails
when that text changes and the number does not.
"""
