"""The exceptions of graph passes; their root is `ir_runtime.errors.IrRuntimeError`.

::

    IrRuntimeError
    ├── LoweringError              (RuntimeError)  a graph pass cannot lower an op of the graph
    ├── DonatedInputError          (ValueError)    a tensor is used after it was donated to an op
    └── PassError                  (RuntimeError)  a graph pass failed, or a pipeline cannot be made
        ├── PassClassError         (TypeError)     what stands in a pipeline is no pass
        ├── UnsupportedPassError   (NotImplementedError)  a field asks for a pass that is not here
        └── ExpectedMatchError     (AssertionError)  a pass matched other than expected
"""

from __future__ import annotations

from collections.abc import Sequence

from ir_runtime.errors import IrRuntimeError

__all__ = [
    "DonatedInputError",
    "ExpectedMatchError",
    "LoweringError",
    "PassClassError",
    "PassError",
    "UnsupportedPassError",
]


class LoweringError(IrRuntimeError, RuntimeError):
    """A graph pass cannot replace an op of the graph by its provider."""


class DonatedInputError(IrRuntimeError, ValueError):
    """A tensor that was donated to an op is used again after that op."""


class PassError(IrRuntimeError, RuntimeError):
    """A graph pass failed, or a pipeline of passes cannot be made.

    Attributes:
        pass_name: of the pass, "" if no single pass is at fault.
        node: name of the node where it failed, "" if it is not known.
        dump: path of the graph before the pass, None if it is not kept.
    """

    def __init__(
        self,
        headline: str,
        *,
        pass_name: str = "",
        node: str = "",
        dump: str | None = None,
        facts: Sequence[str] = (),
        fix: str | None = None,
    ) -> None:
        self.pass_name = pass_name
        self.node = node
        self.dump = dump
        kept = (f"graph before the pass kept in {dump}",) if dump else ()
        super().__init__(headline, facts=(*facts, *kept), fix=fix)


class PassClassError(PassError, TypeError):
    """A name or a class in a pipeline does not stand for a pass."""


class UnsupportedPassError(PassError, NotImplementedError):
    """A field of a configuration asks for a pass that this package does not have."""


class ExpectedMatchError(PassError, AssertionError):
    """A pass matched more or fewer places of a graph than its pipeline expects."""
