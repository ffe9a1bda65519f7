"""The number that stands for this package's own code in the key of every kernel."""

from __future__ import annotations

__all__ = ["MLIR_SCHEMA"]

MLIR_SCHEMA = 23
"""Version of the MLIR that the builder writes for a given op.

Increase it with each change after which the builder (`KernelBuilder`, template loaders, the import
of torch functions, the dtype table) writes other MLIR for the same `generate`: stored kernels are
then compiled again. Other changes of this package do not change it, so stored kernels stay valid.
`tests/golden_mlir` has the MLIR of the catalogue and of each feature of the builder: a test fails
if that text changes and the number does not.
"""
