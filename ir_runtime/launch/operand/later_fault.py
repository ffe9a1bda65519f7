"""The count of index faults on GPUs, from reports that the host reads later, not in the call.

The reports of one stream are put together on that stream, so that they are read after the kernels
that write them, however many there are, and no call waits for the GPU.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ir_runtime.counters import add_pending_count
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.launch.operand.index_fault import faults_in

__all__ = ["count_faults_later"]

_MOST_REPORTS = 256
_lock = fork_safe_lock()


class _Reports:
    """The reports of one stream whose faults are not counted yet.

    Args:
        where: the device of the reports; its current stream is the one.
    """

    def __init__(self, where: torch.device) -> None:
        self._stream = torch.cuda.current_stream(where) if where.type == "cuda" else None
        self._waiting: list[Tensor] = []
        self._found: Tensor | None = None
        self._is_pending = False

    def add(self, rows: Tensor) -> None:
        """Add a report, on its stream."""
        with _lock:
            self._waiting.append(rows)
            if len(self._waiting) >= _MOST_REPORTS:
                self._put_together()
            known, self._is_pending = self._is_pending, True
        if not known:
            add_pending_count("index_faults", self._take)

    def _put_together(self) -> None:
        found = faults_in(torch.cat(self._waiting))
        self._found = found if self._found is None else self._found + found
        self._waiting.clear()

    def _take(self) -> int:
        """Return how many faults there are, once the stream has made them all."""
        with self._on_stream():
            with _lock:
                if self._waiting:
                    self._put_together()
                found, self._found = self._found, None
                self._is_pending = False
            return 0 if found is None else int(found)

    def _on_stream(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext() if self._stream is None else torch.cuda.stream(self._stream)


_reports: dict[tuple[torch.device, int], _Reports] = {}


def count_faults_later(rows: Tensor) -> None:
    """Add the faults of a report to `index_faults` when the counts are read.

    Call it where the launch was enqueued: on the same thread, with the same current stream. A
    report of a captured launch is left out, as it is written by each replay, and not before.

    Args:
        rows: the report; `(n, 4)`, int64.
    """
    where, stream = rows.device, 0
    if where.type == "cuda":
        stream = torch._C._cuda_getCurrentRawStream(where.index)
        with torch.cuda.device(where):
            if torch.cuda.is_current_stream_capturing():
                return
    found = _reports.get((where, stream))
    if found is None:
        found = _reports.setdefault((where, stream), _Reports(where))
    found.add(rows)
