"""The logger of IR ops, `ir_runtime.ir`, and warnings that are logged once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.ir.implementation import IrOpImpl

__all__ = ["forget_warnings", "known_levels", "log_skipped", "logger", "warn_once"]

logger = logging.getLogger("ir_runtime.ir")

known_levels: Mapping[int, bool] = getattr(logger, "_cache", {})
"""The logger's cache of enabled levels; reading it takes half as long as `isEnabledFor`."""

_warned: set[str] = set()


def warn_once(key: str, message: str) -> None:
    """Log a warning, the first time in this process."""
    if key not in _warned:
        _warned.add(key)
        logger.warning(message)


def log_skipped(impl: IrOpImpl, values: Sequence[Any]) -> None:
    """Log that a provider does not take a call: with shapes and dtypes of tensors, no values."""
    call = ", ".join(format_tensor(v) if isinstance(v, Tensor) else repr(v) for v in values)
    logger.debug("op %s: provider %s skipped for (%s)", impl.op.name, impl.provider, call)


def forget_warnings() -> None:
    """Forget which warnings were logged; each may be logged once more."""
    _warned.clear()
