"""Records of pipelines beside torch's caches, so that a cached graph has its record, too.

When torch finds a compiled graph in a cache, no pass runs. The records of the run that filled the
cache are kept in `<store>/passes/<key>.json`, by the passes' key and the graph.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import fx

from ir_runtime.errors import IrRuntimeError
from ir_runtime.ir.tuning.table_file import write_whole
from ir_runtime.launch.artifact.entry_files import read_own_file
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.launch.artifact.leftover import trim
from ir_runtime.launch.artifact.trust import check_trusted, make_private
from ir_runtime.passes.record.pipeline_record import GraphRecord, PipelineRecord
from ir_runtime.settings import current_settings

__all__ = ["add_to_record", "load_record", "record_key", "save_record"]

_log = logging.getLogger("ir_runtime.passes")
_MOST_FILES, _MOST_BYTES = 1024, 64 << 20


def record_key(uuid: str | None, module: fx.GraphModule, inputs: Sequence[Any]) -> str | None:
    """Return the key of the records of a graph; None if the passes have no key.

    Args:
        uuid: key of the passes.
        module: the graph as Dynamo gives it.
        inputs: its example inputs; their sizes, dtypes, strides and devices count.
    """
    if uuid is None:
        return None
    nested = [m for m in module.modules() if isinstance(m, fx.GraphModule)]
    codes = [m.graph.python_code("self").src for m in nested]
    facts = [_fact(value) for value in inputs]
    return digest_of(torch.__version__, uuid, *codes, *facts)[:40]


def _fact(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        strides = tuple(value.stride()) if value.layout == torch.strided else value.layout
        return f"{value.dtype} {tuple(value.shape)} {strides} {value.device} {value.requires_grad}"
    return f"{type(value).__name__} {value}"


def save_record(key: str, record: PipelineRecord) -> bool:
    """Store a record, replaced whole; the latest 1024 are kept.

    Returns:
        Whether it was stored; a directory that cannot be written is a warning.
    """
    path = _path(key)
    try:
        _check(path.parent)
        make_private(path.parent)
        write_whole(path, json.dumps(record.to_json()).encode())
    except (OSError, IrRuntimeError) as error:
        _log.warning("record of passes %s: cannot be written (%s)", path, error)
        return False
    trim(path.parent, most=_MOST_FILES, most_bytes=_MOST_BYTES)
    return True


def load_record(key: str) -> PipelineRecord | None:
    """Return a stored record; None if there is none. A damaged one is a warning."""
    path = _path(key)
    try:
        _check(path.parent)
        return PipelineRecord.from_json(json.loads(read_own_file(path)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IrRuntimeError) as error:
        _log.warning("record of passes %s: cannot be read (%s)", path, error)
        return None


def add_to_record(key: str, graph: GraphRecord) -> None:
    """Add the record of a further graph to a stored one."""
    stored = load_record(key) or PipelineRecord()
    stored.graphs.append(graph)
    save_record(key, stored)


def _path(key: str) -> Path:
    return current_settings().store / "passes" / f"{key}.json"


def _check(directory: Path) -> None:
    check_trusted(directory, f"records of passes in {directory}", "IR_RUNTIME_STORE")
