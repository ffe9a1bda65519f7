"""Graph passes for `torch.compile`: they change the graphs that Inductor compiles.

Importing this package imports Inductor only when one of its names is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.passes.graph_pass import GraphPass
    from ir_runtime.passes.inductor_pass import CallableInductorPass, InductorPass
    from ir_runtime.passes.run_record import PassRecord

__all__ = ["CallableInductorPass", "GraphPass", "InductorPass", "PassRecord"]

__getattr__ = late_names(
    __name__,
    {
        "CallableInductorPass": "inductor_pass",
        "GraphPass": "graph_pass",
        "InductorPass": "inductor_pass",
        "PassRecord": "run_record",
    },
)
