"""A composition of torch ops as a value: a text that carries all of it, and a function to run.

A compiled graph calls a fused op with this text as an argument. So another process that finds the
compiled graph in a cache can make the op again, without the pass that fused it.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.rows.unrounded import leave_unrounded

__all__ = ["Argument", "Made", "Program", "Step", "program_of", "replaced"]

_FORMAT = 1
_SHORTEST_DIGEST = 12
_MOST_NAMES = 3


@frozen
class Argument:
    """A tensor that the program takes.

    Attributes:
        number: its position.
    """

    number: int


@frozen
class Made:
    """A result of a step.

    Attributes:
        step: number of the step.
        place: which of its results; -1 if it returns one tensor and no list.
    """

    step: int
    place: int = -1


@frozen
class Step:
    """A call of a functional torch op.

    Attributes:
        target: the op.
        args: its arguments: `Argument`, `Made`, constants, and tuples of them.
        kwargs: by name, those that are not positional.
    """

    target: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...] = ()


@frozen
class Program:
    """Steps that make tensors from tensors.

    Attributes:
        count: how many tensors it takes.
        rows: numbers of the arguments that have rows; the others are shared by the rows.
        steps: the calls in order.
        results: what it returns.
    """

    count: int
    rows: tuple[int, ...]
    steps: tuple[Step, ...]
    results: tuple[Made, ...]

    @property
    def text(self) -> str:
        """The program as JSON; `program_of` reads it."""
        steps = [
            [_name_of(s.target), [_written(a) for a in s.args]]
            + ([{k: _written(v) for k, v in s.kwargs}] if s.kwargs else [])
            for s in self.steps
        ]
        written = {
            "format": _FORMAT,
            "takes": self.count,
            "rows": self.rows,
            "steps": steps,
            "returns": [_written(r) for r in self.results],
        }
        return json.dumps(written, separators=(",", ":"), allow_nan=False)

    @property
    def op_names(self) -> tuple[str, ...]:
        """Names of the ops that are not of torch itself, in order."""
        names = (s.target._schema.name for s in self.steps)
        return tuple(n.partition("::")[2] for n in names if not n.startswith(("aten::", "prims::")))

    @property
    def name(self) -> str:
        """A name for an op, with a digest of the text."""
        shown = "_".join(self.op_names[:_MOST_NAMES])
        return f"fused_{shown}_{digest_of(self.text)[:_SHORTEST_DIGEST]}".lower()

    def run(self, *tensors: Any) -> list[Any]:
        """Call the steps in order; also on fake tensors, or tensors of a trace."""
        made: list[Any] = []

        def value(held: Any) -> Any:
            if isinstance(held, Argument):
                return tensors[held.number]
            found = made[held.step]
            return found if held.place < 0 else found[held.place]

        for step in self.steps:
            args = [replaced(a, value) for a in step.args]
            made.append(step.target(*args, **{k: replaced(v, value) for k, v in step.kwargs}))
        return [value(r) for r in self.results]

    def function(self) -> Callable[..., Any]:
        """Return `run` as a function of `count` tensors, with annotations for a schema."""
        run, single = self.run, len(self.results) == 1

        def composed(*tensors: Tensor) -> Any:
            leave_unrounded()
            results = run(*tensors)
            return results[0] if single else tuple(results)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = [f"x{n}" for n in range(self.count)]
        returned: Any = Tensor if single else tuple[(Tensor,) * len(self.results)]
        composed.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
            [inspect.Parameter(n, kind, annotation=Tensor) for n in names],
            return_annotation=returned,
        )
        composed.__annotations__ = dict.fromkeys(names, Tensor) | {"return": returned}
        composed.__name__ = self.name
        composed.__doc__ = f"Compute {', '.join(_name_of(s.target) for s in self.steps)}."
        return composed


@functools.lru_cache(maxsize=1024)
def program_of(text: str) -> Program:
    """Return the program of a text.

    Raises:
        ArgumentError: it is no program, or names an op that is not registered in this process.
    """
    try:
        read = json.loads(text)
        if read["format"] != _FORMAT:
            raise _refused(text, f"has format {read['format']}, must have {_FORMAT}")
        steps = tuple(
            Step(
                _target_of(name),
                tuple(_read(a) for a in args),
                tuple((k, _read(v)) for k, v in (rest[0] if rest else {}).items()),
            )
            for name, args, *rest in read["steps"]
        )
        results = tuple(_read(r) for r in read["returns"])
        return Program(int(read["takes"]), tuple(read["rows"]), steps, results)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise _refused(text, f"is no program: {type(error).__name__} {error}") from error


def replaced(value: Any, by: Callable[[Any], Any]) -> Any:
    """Return a value with each `Argument` and `Made` in it replaced."""
    if isinstance(value, Argument | Made):
        return by(value)
    if isinstance(value, tuple):
        return tuple(replaced(v, by) for v in value)
    return value


def _refused(text: str, why: str) -> ArgumentError:
    return ArgumentError(f"fused_rows: `program` {text[:60]!r} {why}")


# text


_DTYPES = {
    str(v).removeprefix("torch."): v for v in vars(torch).values() if isinstance(v, torch.dtype)
}


def _name_of(target: torch._ops.OpOverload) -> str:
    return f"{target._schema.name}.{target._overloadname}"


def _target_of(name: str) -> torch._ops.OpOverload:
    namespace, _, rest = name.partition("::")
    packet, _, overload = rest.partition(".")
    try:
        return getattr(getattr(getattr(torch.ops, namespace), packet), overload)
    except AttributeError:
        raise ArgumentError(
            f"fused_rows: `program` calls {name}, which is not registered, must be",
            fix="import the module that registers it before the compiled graph runs",
        ) from None


def _written(value: Any) -> Any:
    if isinstance(value, Argument):
        return {"in": value.number}
    if isinstance(value, Made):
        return {"of": [value.step] if value.place < 0 else [value.step, value.place]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, tuple):
        return [_written(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"it takes {value!r} of type {type(value).__name__}")


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(v) for v in value)
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "in":
        return Argument(int(held))
    if kind == "of":
        return Made(*held)
    return _DTYPES[held] if kind == "dtype" else float(held)


def constants_of(values: Sequence[Any]) -> Iterator[Any]:
    """Yield what is neither `Argument` nor `Made` in arguments of a step."""
    for value in values:
        if isinstance(value, tuple):
            yield from constants_of(value)
        elif not isinstance(value, Argument | Made):
            yield value
