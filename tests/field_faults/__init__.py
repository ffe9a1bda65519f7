"""Which tests show that each fault seen in the field is mended?  One file for a kind, or some.

Each has `ROWS`, in the form of `tests/rows.py`; a row's name begins with its kind, K1 to K13.
"""

from __future__ import annotations

import importlib
import pkgutil

from tests.rows import Row, read_rows

__all__ = ["FIELD_FAULTS", "KINDS"]

KINDS = tuple(f"K{i}" for i in range(1, 14))

FIELD_FAULTS: dict[str, Row] = {}
"""Every fault by its name: `K1-embedding-out-of-range`."""

for _module in pkgutil.iter_modules(__path__):
    FIELD_FAULTS |= read_rows(importlib.import_module(f"{__name__}.{_module.name}").ROWS)
