"""The direct calls of a program: bound launches by the key of a call, in Python and in C."""

from __future__ import annotations

import functools
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch import Tensor
from torch.autograd import profiler
from torch.nn import Parameter

from ir_runtime.device.device import set_devices
from ir_runtime.device.local import is_importable
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.errors import ArgumentError, IrRuntimeError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.frozen import frozen
from ir_runtime.late_import import late_module
from ir_runtime.launch.direct.program_launch import ProgramLaunch, bind_program_launch
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.loaded_program import DirectEntry, LoadedProgram
from ir_runtime.launch.operand.call_key import call_key
from ir_runtime.launch.operand.later_fault import count_faults_later
from ir_runtime.launch.operand.launch_type import not_direct
from ir_runtime.launch.operand.mutation import refuse_unwritable, write_changed
from ir_runtime.launch.operand.number import plain_number
from ir_runtime.launch.operand.output import refuse_one_output, write_outputs
from ir_runtime.settings import Settings, bound_launches, current_settings, on_change
from ir_runtime.tracing import active_trace, launch_span

if TYPE_CHECKING:
    from ir_runtime.launch.direct import gpu_launch
    from ir_runtime.launch.direct.native import _launcher
else:
    gpu_launch = late_module("ir_runtime.launch.direct.gpu_launch")

__all__ = ["DirectCall", "ProgramCalls", "choose_call"]

_PLAIN = (Tensor, Parameter)
_OTHER = (Tensor, torch.SymInt, torch.SymFloat, torch.SymBool)
"""Kinds of arguments that IREE's VM refuses or takes."""
_MOST_ARGUMENTS = 64  # that the C launcher compares
_MOST_NUMBERS = 64  # sets of numbers, for tensors of the same shapes


@frozen
class DirectCall:
    """A program bound to the arguments of a call.

    Attributes:
        entry: the program.
        launch: the plan and its results.
        label: the label of the program's key.
    """

    entry: DirectEntry
    launch: ProgramLaunch
    label: str | None

    def run(self, args: Sequence[Any], outputs: Sequence[Tensor]) -> list[Any]:
        """Run the program; returns its results, or `outputs` if there are any.

        Raises:
            ArgumentError: `outputs` do not fit, or an argument that the program changes cannot be
                written.
            IndexOutOfRangeError: an index of the program is out of range.
            LaunchError: the program failed.
        """
        name, changed = self.launch.name, self.entry.changed
        refuse_one_output(name, outputs)
        if outputs:
            refuse_cut_tensors(name, "output", outputs)
        if changed:
            refuse_unwritable(name, changed, args)
        if outputs and self._can_write(args, outputs):
            self._launch(args, outputs)
            torch.autograd.graph.increment_version(outputs)
            return list(outputs)
        values = self._launch(args, None)
        if self.entry.report is not None and self.launch.on_gpu:
            count_faults_later(values.pop())  # the host does not wait for the GPU
        elif self.entry.report is not None:
            # It is read first: after a fault, the results are not written anywhere.
            self.entry.report.raise_fault(name, values.pop().tolist())
        if changed or outputs:
            with torch.no_grad():
                values = write_changed(name, changed, args, values) if changed else values
                return write_outputs(name, outputs, values) if outputs else values
        return values

    def _launch(self, args: Sequence[Any], into: Sequence[Tensor] | None) -> list[Any]:
        if active_trace() is not None:
            with launch_span(self.launch.name, self.label, args, "direct", executor="direct"):
                return self._shown(args, into)
        return self._shown(args, into)

    def _shown(self, args: Sequence[Any], into: Sequence[Tensor] | None) -> list[Any]:
        if not profiler._is_profiler_enabled:
            return self.launch.run(args, into)
        with profiler.record_function(f"{self.launch.name} (direct)"):
            return self.launch.run(args, into)

    def _can_write(self, args: Sequence[Any], outputs: Sequence[Any]) -> bool:
        """Tell whether the program may write its results where `outputs` lie."""
        memories = self.launch.memories
        if not self.launch.whole or self.entry.changed or self.entry.report is not None:
            return False
        fits = functools.partial(_fits, where=self.launch.where, on_gpu=self.launch.on_gpu)
        if len(outputs) != len(memories) or not all(map(fits, outputs, memories)):
            return False
        written = {output.untyped_storage()._cdata for output in outputs}
        read = {args[i].untyped_storage()._cdata for i in self.launch.operands}
        return len(written) == len(outputs) and written.isdisjoint(read)


def _fits(
    output: Any,
    memory: tuple[tuple[int, ...], torch.dtype],
    *,
    where: torch.device,
    on_gpu: bool,
) -> bool:
    return (
        type(output) in _PLAIN
        and output.device == where
        and (tuple(output.shape), output.dtype) == memory
        and (torch.is_inference_mode_enabled() or not output.is_inference())
        and (gpu_launch.ready_on_gpu(output) is output if on_gpu else is_importable(output))
    )


class ProgramCalls:
    """The direct calls of a program: a bounded cache in Python, and one in the C launcher.

    Args:
        slow: takes the arguments of a call that the C launcher does not serve.
        hidden: how many of the last arguments are not the user's; messages do not count them.

    Attributes:
        fast: the C launcher's function for all kinds of devices; None until it can serve a call.
    """

    def __init__(self, slow: Callable[..., Any], hidden: int = 0) -> None:
        self.fast: _launcher.Call | None = None
        self._fast: dict[int, _launcher.Call] = {}  # by DLPack's number of the kind of device
        self._hidden = hidden
        self._slow = slow
        self._by_key: OrderedDict[Any, DirectCall | str] = OrderedDict()
        self._plans: Counter[Any] = Counter()  # by the tensors of a call
        self._numbers: tuple[int, ...] = ()  # positions of arguments
        self._lock = fork_safe_lock()
        _tables.add(self)

    def find(self, args: Sequence[Any]) -> DirectCall | None:
        """Return what runs calls like this one, None if there was none yet."""
        if not self._by_key or set_devices or torch._C._len_torch_dispatch_stack():
            return None
        key = _key_of(self._settled(args))
        found = None if key is None else self._by_key.get(key)
        if not isinstance(found, DirectCall):
            return None
        with self._lock:
            if key in self._by_key:
                self._by_key.move_to_end(key)
        return found

    def refuse_unwritable(self, args: Sequence[Any]) -> None:
        """Refuse arguments of a call that the C launcher refused to change.

        Raises:
            ArgumentError: an argument that the program changes cannot be written.
        """
        found = self.find(args)
        if found is not None:
            refuse_unwritable(found.launch.name, found.entry.changed, args)

    def bind(self, entry: DirectEntry, args: Sequence[Any], label: str | None) -> DirectCall:
        """Bind a program to the arguments of a call, and remember it.

        Args:
            entry: the program.
            args: all arguments.
            label: of the program's key.

        Raises:
            ArgumentError: the arguments do not fit.
            LaunchError: the program refuses them.
            UnreadableProgramError: this call needs IREE's VM.
        """
        name, wanted = entry.program.name, len(entry.program.program.arguments)
        if len(args) != wanted:
            given = len(args) - self._hidden
            raise ArgumentError(f"{name}: {given} arguments, must be {wanted - self._hidden}")
        kinds = entry.program.program.arguments
        self._numbers = tuple(i for i, kind in enumerate(kinds) if kind != "tensor")
        args = self._settled(args)
        key = _key_of(args)
        if key is None:
            raise UnreadableProgramError("an argument is of a kind that only the VM may take")
        found = self._by_key.get(key) or self._new(entry, args, label)
        with self._lock:
            self._by_key[key] = found
            while len(self._by_key) > bound_launches():
                self._by_key.popitem(last=False)
            if isinstance(found, DirectCall):
                self._remember(found, args)
        if isinstance(found, str):
            raise UnreadableProgramError(found)
        return found

    def _settled(self, args: Sequence[Any]) -> Sequence[Any]:
        """Return the arguments with the value of each 0-d tensor that is passed as a number."""
        given = [i for i in self._numbers if i < len(args) and isinstance(args[i], Tensor)]
        if not given:
            return args
        settled = [*args]
        for i in given:
            number = plain_number(args[i])
            settled[i] = args[i] if number is None else number
        return settled

    def _count_plans(self, args: Sequence[Any]) -> None:
        """Refuse a call whose tensors were seen with many other numbers.

        A plan is for one set of numbers, and to make one takes longer than a call of the VM.
        """
        if not self._numbers or current_settings().launch == "direct":
            return
        tensors = _key_of([a for i, a in enumerate(args) if i not in self._numbers])
        with self._lock:
            if tensors not in self._plans and len(self._plans) >= bound_launches():
                self._plans.clear()
            self._plans[tensors] += 1
            if self._plans[tensors] > _MOST_NUMBERS:
                raise UnreadableProgramError("its numbers change from call to call")

    def _new(self, entry: DirectEntry, args: Sequence[Any], label: str | None) -> DirectCall | str:
        self._count_plans(args)
        try:
            launch = bind_program_launch(entry.program, args, entry.changed, entry.report)
            return DirectCall(entry, launch, label)
        except UnreadableProgramError as refusal:
            return str(refusal)

    def _remember(self, bound: DirectCall, args: Sequence[Any]) -> None:
        """Make the C launcher serve calls like this one, if it can."""
        from ir_runtime.launch.direct.native import _launcher

        launch = bound.launch
        if not launch.whole or len(args) > _MOST_ARGUMENTS or active_trace() is not None:
            return
        place = launch.bound.native.device_type
        if place not in self._fast:
            # One serves CPU tensors, one those of GPUs; a call that it refuses goes to the other.
            self.fast = self._fast[place] = _launcher.Call(
                self._slow if self.fast is None else self.fast,
                takes_keyset=False,
                plain_keyset=0,
                set_devices=set_devices,
                parameters=[f"argument{i}" for i in range(len(args))],
                positional=len(args),
                defaults={},
                capacity=bound_launches(),
                autocast={},
                device_type=place,
            )
        self._fast[place].remember(args, launch.bound.native, launch.operands, launch.returned)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._by_key.clear()
            self._plans.clear()
            for fast in self._fast.values():
                fast.clear(bound_launches())


def _key_of(args: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return the key of a call; None if an argument is of a kind that is not for this executor."""
    for value in args:
        if type(value) not in _PLAIN and isinstance(value, _OTHER):
            return None
    return call_key(args, placed=True)


def choose_call(
    calls: ProgramCalls, program: LoadedProgram, args: Sequence[Any], uri: str | None
) -> DirectCall | str:
    """Return what runs a call directly, or the reason why IREE's VM runs it.

    Args:
        calls: the direct calls of the program.
        program: the program.
        args: all arguments.
        uri: the device that the caller chose; None for where the tensors are.

    Raises:
        LaunchError: `IR_RUNTIME_LAUNCH=direct`, but only `vm` can run it.
    """
    wanted = current_settings().launch
    if uri is not None:
        return f"the call runs on {uri}"
    if wanted == "vm":
        return "IR_RUNTIME_LAUNCH=vm"
    found = _bound(calls, program, args, raises=wanted == "direct")
    if isinstance(found, str) and wanted == "direct":
        raise not_direct(program.name, program.label, found)
    return found


def _bound(
    calls: ProgramCalls, program: LoadedProgram, args: Sequence[Any], *, raises: bool
) -> DirectCall | str:
    if torch._C._len_torch_dispatch_stack():
        return "a mode of torch's dispatcher is active"
    entry = program.direct
    if isinstance(entry, str):
        return entry
    try:
        return calls.bind(entry, args, program.label)
    except UnreadableProgramError as refusal:
        return str(refusal)
    except IrRuntimeError as refusal:
        if raises:
            raise
        # The VM refuses it, too, with its own message.
        return f"the call does not fit the program: {refusal.headline}"


_tables: WeakSet[ProgramCalls] = WeakSet()


@on_change
def _forget_calls_if_bound_otherwise(before: Settings, after: Settings) -> None:
    names = ("trace", "launch", "bound_launches", "cpu")
    if any(getattr(before, name) != getattr(after, name) for name in names):
        for table in tuple(_tables):
            table.clear()
