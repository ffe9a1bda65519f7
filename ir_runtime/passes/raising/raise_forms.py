"""The pass that raises: functions written out in torch's operators become calls of IR ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import fx

from ir_runtime.errors import ArgumentError
from ir_runtime.ir.op import IrOp
from ir_runtime.op_reg.digest.torch_cache import op_digest
from ir_runtime.passes.graph_pass import GraphPass, Hook
from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.match import find_matches
from ir_runtime.passes.raising.near_miss import near_misses, root_functions
from ir_runtime.passes.raising.site import Site
from ir_runtime.passes.raising.table import DEFAULT_FORMS, FORMS
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["RaiseForms"]


@dataclass(frozen=True)
class RaiseForms(GraphPass):
    """Replace functions that models write out, such as norms, by IR ops of the same meaning.

    A place is raised only if dtypes, shapes and strides are those of the op, for all sizes that
    the graph is for, and if nothing else reads what it computes on the way. The record counts by
    form, and names near misses.

    Attributes:
        forms: names of the forms to raise, of `raising.table.FORMS`. A form whose op is not
            registered is left out: `import kernels_mlir` registers those of the catalogue.

    Raises:
        ArgumentError: a name is none of a form.
    """

    hook: ClassVar[Hook] = "pre_grad"

    forms: tuple[str, ...] = DEFAULT_FORMS

    def __post_init__(self) -> None:
        unknown = [name for name in self.forms if name not in FORMS]
        if unknown:
            raise ArgumentError(
                f"{self.name}: `forms` has {unknown[0]!r}, must be of {', '.join(FORMS)}"
            )

    def parameters(self) -> dict[str, Any]:
        """Return the fields, and the code of the ops: a cache asks before any op is in the graph.

        Raises:
            UndescribedStateError: an op reads a value that no key can hold.
        """
        ops = sorted({op for name in self.forms for op in FORMS[name].ops})
        codes = {op: op_digest(f"ir_runtime::{op}") for op in ops if op in IrOp.registry}
        return {**super().parameters(), "codes": codes}

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        chosen = [FORMS[name] for name in FORMS if name in self.forms]
        known = IrOp.registry.names()
        forms = [form for form in chosen if all(op in known for op in form.ops)]
        missing = [form.name for form in chosen if form not in forms]
        if missing:
            record.facts["without_op"] = missing
        site = Site(graph)
        for form in forms:
            count = _raise_form(site, form)
            if count:
                record.counts[form.name] = count
        record.matched_count = sum(record.counts.values())
        record.near_misses.extend(near_misses(site, forms))


def _raise_form(site: Site, form: Form) -> int:
    """Raise all places of a form, and return their number."""
    parts = [part for root in _roots(site, form) if (part := _part_at(site, form, root))]
    count = 0
    for call in form.combine(sorted(parts, key=lambda part: part.results[0])):
        unfit = call if isinstance(call, Unfit) else site.comes_after(call)
        if unfit is not None:
            site.refused[unfit.node] = form.name, unfit
        elif isinstance(call, Replacement):
            site.raise_to(call)
            count += 1
    return count


def _roots(site: Site, form: Form) -> list[fx.Node]:
    """Return the nodes at which a place may end, the last first: it has the longest places."""
    heads = frozenset().union(*map(root_functions, form.patterns))
    return site.calling(heads)[::-1]


def _part_at(site: Site, form: Form, root: fx.Node) -> Any:
    """Return the part of a form that ends at a node, None if there is none."""
    if root in site.claimed:
        return None
    for pattern in form.patterns:
        for match in find_matches(pattern, root, site.calls):
            anchors = [n for n in match.nodes if _is_anchor(site, form, n)]
            if form.unless_refused and any(n in site.refused for n in anchors):
                continue
            part = form.replace(match)
            kept = [match.bound[name] for name in form.kept]
            unfit = part if isinstance(part, Unfit) else site.is_alone(part, kept)
            if unfit is None:
                site.claimed.update(match.nodes)
                return part
            for anchor in anchors:
                site.refused[anchor] = form.name, unfit
    return None


def _is_anchor(site: Site, form: Form, node: fx.Node) -> bool:
    call = site.calls[node]
    return call is not None and call.function == form.anchor
