"""Layers of the catalogue's ops, which import the file of their op when they are made."""

from __future__ import annotations

import importlib
from typing import ClassVar

from ir_runtime.ir import IrOp
from ir_runtime.layers import Layer

__all__ = ["OpLayer"]


class OpLayer(Layer):
    """A layer of an op; a subclass needs no forward, only `op_arguments`.

    An enabled layer runs the provider that the op's priority chooses, a disabled one its native.

    Args:
        enforce_enable: enable the layer, even if the enable list does not.
        compile_native: compile native if the layer is disabled; see `Layer`.

    Attributes:
        op_file: the module that registers the op, and has its name.
    """

    op_file: ClassVar[str]

    def _bind_op(self) -> None:
        """Register the op, then look it up; also after unpickling."""
        importlib.import_module(self.op_file)
        if hasattr(type(self), "ir_op"):
            super()._bind_op()
        else:
            self.ir_op = IrOp.registry[self.op_file.rpartition(".")[2]]
