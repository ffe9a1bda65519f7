"""The progress display of the demo: moving bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Protocol, Self

from ir_runtime.launch.compile.build import add_compile_listener

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["Display", "LineDisplay", "open_display"]


class Display(Protocol):
    """Shows running steps; all methods may be called from any thread."""

    def begin(self, step: str) -> None:
        """Show that `step` runs."""
        ...

    def end(self, step: str) -> None:
        """Show that `step` has ended."""
        ...

    def step(self, step: str) -> AbstractContextManager[None]:
        """Show that `step` runs, during a `with` block."""
        ...


class _Steps:
    def begin(self, step: str) -> None:
        raise NotImplementedError

    def end(self, step: str) -> None:
        raise NotImplementedError

    @contextlib.contextmanager
    def step(self, step: str) -> Generator[None]:
        self.begin(step)
        try:
            yield
        finally:
            self.end(step)


class LineDisplay(_Steps):
    """One plain line when a step begins and one when it ends.

    Args:
        stream: receives the lines.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._began: defaultdict[str, list[float]] = defaultdict(list)  # one op may compile twice

    def begin(self, step: str) -> None:
        self._began[step].append(time.monotonic())
        print(f"{step} ...", file=self._stream, flush=True)

    def end(self, step: str) -> None:
        seconds = time.monotonic() - self._began[step].pop(0)
        print(f"{step}: {seconds:.1f} s", file=self._stream, flush=True)


class _BarDisplay(_Steps):
    """One row per step on a terminal: a bar that moves while the step runs, and its time."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._rows: defaultdict[str, list[TaskID]] = defaultdict(list)

    def begin(self, step: str) -> None:
        self._rows[step].append(self._progress.add_task(step, total=None))

    def end(self, step: str) -> None:
        self._progress.update(self._rows[step].pop(0), total=1, completed=1)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()


@contextlib.contextmanager
def open_display(stream: IO[str]) -> Generator[Display]:
    """Show steps on `stream` during a `with` block, with each compile of a kernel as a step."""
    with contextlib.ExitStack() as stack:
        display = (
            stack.enter_context(_BarDisplay(stream)) if stream.isatty() else LineDisplay(stream)
        )

        def show_compile(name: str, begin: bool) -> None:  # noqa: FBT001 - the listener's signature
            step = f"  compiling kernel {name}"
            (display.begin if begin else display.end)(step)

        stack.enter_context(add_compile_listener(show_compile))
        yield display
