"""The backend: graphs that Dynamo finds go through the passes of a pipeline, inside of Inductor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import fx

from ir_runtime.errors import ArgumentError
from ir_runtime.ir.platform import current_platform
from ir_runtime.passes.pipeline import Pipeline
from ir_runtime.passes.record.pipeline_record import PipelineRecord

__all__ = ["GraphBackend", "ir_runtime", "pipeline_for"]

_OURS = ("passes", "expect", "strict", "compile_range", "dump_directory")


class GraphBackend:
    """A backend for `torch.compile(backend=...)`: Inductor with the passes of a pipeline.

    Everything holds for one compile: the passes are options of Inductor, nothing global is set.
    Backends of equal passes, mode and options are equal, so that torch compiles once for them.

    Args:
        pipeline: the passes.
        mode: one of `torch.compile`, such as "max-autotune".
        options: of Inductor, as for `torch.compile`; they override those of the mode.
        dynamic: as for `torch.compile`; some modes depend on it.

    Attributes:
        record: what the passes found in the graphs that this backend compiled, or that torch had
            in a cache.

    Raises:
        ArgumentError: Inductor has no such mode or option.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        mode: str | None = None,
        options: Mapping[str, Any] | None = None,
        dynamic: bool | None = None,
    ) -> None:
        self.__name__ = self.compiler_name = "ir_runtime"
        self._pipeline = pipeline
        self._options = {**_mode_options(mode, dynamic=dynamic), **_checked(options or {})}

    @property
    def record(self) -> PipelineRecord:
        return self._pipeline.record

    @record.setter
    def record(self, record: PipelineRecord) -> None:
        self._pipeline.record = record

    def __call__(self, module: fx.GraphModule, inputs: Sequence[Any]) -> Callable[..., Any]:
        """Compile a graph."""
        from torch._inductor.compile_fx import compile_fx

        current_platform().import_ir_kernels()
        options = self._pipeline.options(self._options)
        with self._pipeline.recorded(module, inputs):
            return compile_fx(module, inputs, config_patches=options)  # pyright: ignore[reportArgumentType, reportReturnType]

    def reset(self) -> None:
        """Forget the graphs; `torch._dynamo.reset` calls it as it forgets the compiled ones."""
        self.record.graphs.clear()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GraphBackend):
            return NotImplemented
        return (self._pipeline, self._options) == (other._pipeline, other._options)

    def __hash__(self) -> int:
        return hash((self._pipeline, *sorted(self._options)))

    def __repr__(self) -> str:
        return f"GraphBackend({self._pipeline!r}, options={self._options!r})"


def ir_runtime(
    module: fx.GraphModule,
    inputs: Sequence[Any],
    *,
    options: Mapping[str, Any] | None = None,
    mode: str | None = None,
) -> Callable[..., Any]:
    """Compile a graph: the backend `torch.compile(backend="ir_runtime")`, by an entry point.

    Args:
        module: the graph as Dynamo gives it.
        inputs: its example inputs.
        options: of Inductor, and `passes`, `expect`, `strict`, `compile_range`, `dump_directory`
            as for `ir_runtime.compile`. If `passes` is a `Pipeline`, its `record` has the report.
        mode: as for `torch.compile`.

    Raises:
        ArgumentError: an option is not known, or one of ours is not well formed.
    """
    others = dict(options or {})
    ours = {name: others.pop(name) for name in _OURS if name in others}
    return GraphBackend(pipeline_for(**ours), mode=mode, options=others)(module, inputs)


def pipeline_for(passes: Any = None, **options: Any) -> Pipeline:
    """Return the pipeline that the arguments of a compile stand for.

    Args:
        passes: a `Pipeline`; a list of passes, classes and names; or None for `IR_RUNTIME_PASSES`,
            or else the default list.
        options: as for `Pipeline`; those that are None are left out.

    Raises:
        ArgumentError: there are options beside a `Pipeline`, or it cannot be made.
    """
    given = {name: value for name, value in options.items() if value not in (None, False)}
    if isinstance(passes, Pipeline):
        if given:
            raise ArgumentError(
                f"ir_runtime.compile: `{next(iter(given))}` is given beside a Pipeline, must be "
                "part of the Pipeline"
            )
        return passes
    return Pipeline.from_settings(**given) if passes is None else Pipeline(passes, **given)


def _mode_options(mode: str | None, *, dynamic: bool | None) -> dict[str, Any]:
    from torch._inductor import list_mode_options

    if mode is None or mode == "default":
        return {}
    known = list_mode_options(None, dynamic)
    if mode not in known:
        raise ArgumentError(
            f"ir_runtime.compile: mode {mode!r} is not known, must be one of default, "
            + ", ".join(known)
        )
    return dict(known[mode])


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    from torch._inductor import config

    known = config.get_config_copy()
    named = {name.replace("-", "_"): value for name, value in options.items()}
    for name in named:
        if name not in known:
            raise ArgumentError(
                f"ir_runtime.compile: option {name!r} is not known, must be one of "
                f"{', '.join(_OURS)}, or of `torch._inductor.list_options()`"
            )
    return named


def _register() -> None:
    """Let torch know the backend where the entry point is not installed, such as in a checkout."""
    from torch._dynamo.backends import registry

    if "ir_runtime" not in registry._BACKENDS:
        registry.register_backend(ir_runtime, name="ir_runtime")


_register()
