"""The providers of all ops in one config, made by code or from the options of a command line."""

from __future__ import annotations

import difflib
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import OpConflictError, OpDefinitionError
from ir_runtime.ir.choice.priority import AUTO
from ir_runtime.ir.op import IrOp
from ir_runtime.launch.artifact.key import digest_of

if TYPE_CHECKING:
    import argparse

__all__ = ["IrOpPriorityConfig", "registered_op"]

_OPTION = "--ir-op-priority."


@dataclass(frozen=True, init=False, eq=False)
class IrOpPriorityConfig:
    """The providers of each op; the first one that takes a call computes it.

    The config has a field for each op that is registered when it is made: `config.rms_norm`, or
    `config["rms_norm"]`, is a list of names. The list of an op that is not mentioned is `[]`, and
    so is the list of an op that is registered later. If an op has the name of a method of this
    class, use `config["name"]`. A list may begin with `auto`, see
    `IrOp.set_priority`.

    Args:
        lists: providers by op: a list of names, or one string with commas between the names.
        more: more of them, as keywords.

    Attributes:
        priorities: all lists, by op.

    Raises:
        OpConflictError: an op, or one of its providers, is not registered.
        OpDefinitionError: a list is of another type, or names a provider twice.

    Example:
        >>> config = IrOpPriorityConfig(rms_norm="iree,native")
        >>> with config.set_priority():
        ...     run_model()
    """

    priorities: dict[str, list[str]]

    def __init__(
        self,
        lists: Mapping[str, Sequence[str] | str] | None = None,
        /,
        **more: Sequence[str] | str,
    ) -> None:
        given = {**(lists or {}), **more}
        said = {name: _providers(registered_op(name), value) for name, value in given.items()}
        priorities = {name: said.get(name, []) for name in sorted({*IrOp.registry.names(), *said})}
        object.__setattr__(self, "priorities", priorities)
        for name, providers in priorities.items():
            if name != "priorities" and not hasattr(type(self), name):
                object.__setattr__(self, name, providers)

    def __getitem__(self, op: str) -> list[str]:
        """Return the providers of an op.

        Raises:
            OpConflictError: there is no such op.
        """
        return self.priorities.get(registered_op(op).name, [])

    @property
    def _said(self) -> dict[str, list[str]]:
        """The lists that are not empty."""
        return {name: providers for name, providers in self.priorities.items() if providers}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IrOpPriorityConfig) and self._said == other._said

    __hash__ = None  # pyright: ignore[reportAssignmentType] - its lists may change

    def __repr__(self) -> str:
        return f"IrOpPriorityConfig({', '.join(f'{n}={p}' for n, p in self._said.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._said,)

    @contextmanager
    def set_priority(self) -> Generator[None]:
        """Set the lists in this context; ops with an empty list keep their priority."""
        with ExitStack() as stack:
            for name, providers in self._said.items():
                stack.enter_context(IrOp.registry[name].set_priority(providers))
            yield

    def set_default(self) -> None:
        """Set the lists for the process, in all threads, for contexts without a priority."""
        for name, providers in self._said.items():
            IrOp.registry[name].set_default(providers)

    def with_default(
        self, default: Sequence[str] | str, /, **own: Sequence[str] | str
    ) -> IrOpPriorityConfig:
        """Append providers to the lists, except those already there; a repetition has no effect.

        Args:
            default: for each op that is registered now; names of other ops' providers are skipped.
            own: for single ops, in place of `default`.

        Raises:
            OpConflictError: an op of `own`, or one of its providers, is not registered.
        """
        common = _split("the default", default)
        lists: dict[str, list[str]] = {}
        for name in {**IrOp.registry, **own}:
            op = registered_op(name)
            added = (
                _providers(op, own[name]) if name in own else [p for p in common if p in op.impls]
            )
            lists[name] = list(dict.fromkeys((*self.priorities.get(name, ()), *added)))
        return type(self)(lists)

    def compute_hash(self) -> str:
        """Digest the lists and the code of their providers.

        Native is included for each op with a list, because it computes the calls that no provider
        takes. The digest is the same in each process.
        """
        parts: list[str] = []
        for name, providers in self._said.items():
            impls = IrOp.registry[name].impls
            parts += (name, *providers)
            listed = [p for p in providers if p != AUTO] or list(impls)
            parts += [impls[provider].uuid() for provider in (*listed, "native")]
        return digest_of(*parts)

    @classmethod
    def from_args(cls, words: Sequence[str]) -> tuple[IrOpPriorityConfig, list[str]]:
        """Read `--ir-op-priority.<op>=a,b`, or `--ir-op-priority.<op> a,b`, from a command line.

        If an op has two options, the last one counts. Words after `--` are not read.

        Returns:
            The config, and the other words.

        Raises:
            OpConflictError: as for the config itself.
            OpDefinitionError: an option has no list.
        """
        lists: dict[str, str] = {}
        left: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                left += [word, *rest]
            elif word.startswith(_OPTION):
                option, equals, value = word.partition("=")
                text = value if equals else next(rest, "")
                if not text.strip() or (not equals and text.startswith("-")):
                    raise OpDefinitionError(
                        f"{option}: no list of providers follows, must be one such as iree,native"
                    )
                lists[option.removeprefix(_OPTION)] = text
            else:
                left.append(word)
        return cls(lists), left

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Give a parser the option `--ir-op-priority.<op>` for each op that is registered now."""
        group = parser.add_argument_group("providers of ops")
        for name, op in sorted(IrOp.registry.items()):
            group.add_argument(
                f"{_OPTION}{name}",
                dest=f"{_OPTION}{name}",
                metavar="PROVIDERS",
                help=f"names with commas between, from {', '.join(op.impls)}",
            )

    @classmethod
    def from_namespace(cls, arguments: argparse.Namespace) -> IrOpPriorityConfig:
        """Make a config from the options of `add_arguments` that were given.

        Raises:
            OpConflictError: as for the config itself.
        """
        return cls(
            {
                option.removeprefix(_OPTION): value
                for option, value in vars(arguments).items()
                if option.startswith(_OPTION) and value is not None
            }
        )


def registered_op(name: str) -> IrOp:
    """Return the op of a name.

    Raises:
        OpConflictError: no op has this name; the message lists close names.
    """
    op = IrOp.registry.get(name)
    if op is None:
        close = difflib.get_close_matches(name, IrOp.registry, n=3)
        known = ", ".join(sorted(IrOp.registry)) or "none"
        raise OpConflictError(
            f"op {name!r}: not registered, "
            + (f"did you mean {' or '.join(close)}?" if close else f"must be one of {known}")
        )
    return op


def _providers(op: IrOp, value: Any) -> list[str]:
    names = _split(f"op {op.name}", value)
    for i, name in enumerate(names):
        if name not in op.impls and not (i == 0 and name == AUTO):
            raise OpConflictError(
                f"op {op.name}: {name!r} is none of its providers, "
                f"must be one of {', '.join(op.impls)}"
            )
        if names.count(name) > 1:
            raise OpDefinitionError(
                f"op {op.name}: provider {name} is listed {names.count(name)} times, must be once"
            )
    return names


def _split(subject: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return list(value)
    raise OpDefinitionError(
        f"{subject}: providers are {value!r}, must be a list of names, "
        "or a string with commas between"
    )
