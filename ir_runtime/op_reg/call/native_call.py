"""The fast path in C: the C launcher serves a call that was seen before, without Python code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ir_runtime.device.device import set_devices
from ir_runtime.launch.direct import native
from ir_runtime.op_reg.call.bound_launch import BoundLaunch
from ir_runtime.op_reg.op.op_arguments import default_values, out_names, staged_name
from ir_runtime.settings import bound_launches

if TYPE_CHECKING:
    from ir_runtime.launch.direct.native import _launcher
    from ir_runtime.op_reg.call.call_functions import CallFunctions
    from ir_runtime.op_reg.op.op import Op

__all__ = ["FastCalls", "add_fast_calls", "can_be_fast"]

_NOT_SEEN_YET = ("value", "dtype", "shape", "device", "unknown arguments")
_DLPACK_CPU = 1


class FastCalls:
    """The entrances of one op that the C launcher guards.

    Args:
        op: the op.
        gpu_type: DLPack's number of torch's GPUs, None without them.
    """

    def __init__(self, op: Op, gpu_type: int | None = None) -> None:
        self._op = op
        self._gpu_type = gpu_type
        self._entrances: dict[str, _launcher.Call] = {}
        self._calls: list[_launcher.Call] = []
        self._out_calls: list[_launcher.Call] = []
        self._gpu_calls: list[_launcher.Call] = []
        self._gpu_out_calls: list[_launcher.Call] = []
        self._guarded: _launcher.Call | None = None
        self._guarded_out: _launcher.Call | None = None
        self._capacity = 1  # the setting is read when there is something to remember

    def entrance(
        self,
        name: str,
        slow: Callable[..., Any],
        *,
        keyset: bool,
        out: bool,
        gpu_type: int | None = None,
    ) -> Any:
        """Return what the dispatcher may call in place of a function.

        Args:
            name: the function's name among the `CallFunctions`.
            slow: the function; called for what is not remembered, with the reason first.
            keyset: whether it takes the key set, next.
            out: whether it is one of the `out` overload.
            gpu_type: DLPack's number of the GPUs whose tensors it takes; None for CPU tensors.
        """
        from ir_runtime.launch.direct.native import _launcher
        from ir_runtime.op_reg.call.call_functions import GPU_KEYSET, PLAIN_KEYSET

        op = self._op
        call = _launcher.Call(
            slow,
            takes_keyset=keyset,
            plain_keyset=PLAIN_KEYSET if gpu_type is None else GPU_KEYSET,
            set_devices=set_devices if gpu_type is None else [],  # they are for CPU tensors
            parameters=(*op.arg_names, staged_name(op)) if out else op.arg_names,
            positional=op.positional_count,
            defaults=default_values(op) | ({staged_name(op): False} if out else {}),
            check=op.check if op.has_check else None,
            eager=op.eager_execute if op.has_eager_execute else None,
            outs=out_names(op) if out else (),
            capacity=self._capacity,
            asked=len(op.arg_names),
            is_told=True,
            returned=-1 if op.returned_arg is None else op.returned_arg,
            device_type=_DLPACK_CPU if gpu_type is None else gpu_type,
        )
        self._entrances[name] = call
        calls, out_calls = self._lists(on_gpu=gpu_type is not None)
        (out_calls if out else calls).append(call)
        return call

    def _lists(self, *, on_gpu: bool) -> tuple[list[_launcher.Call], list[_launcher.Call]]:
        """Return the entrances for CPU tensors, or those for a GPU's, and those of `out`."""
        return (self._gpu_calls, self._gpu_out_calls) if on_gpu else (self._calls, self._out_calls)

    def _every(self) -> tuple[_launcher.Call, ...]:
        return (*self._calls, *self._out_calls, *self._gpu_calls, *self._gpu_out_calls)

    def guarded_entrance(self, slow: Callable[..., Any]) -> Any:
        """Return what users may call in place of the torch op; the same one each time.

        It looks for itself at all that the dispatcher would see to. What other entrances remember
        serves here, too: a call that one of them served never tells `remember`.

        Args:
            slow: calls the torch op; takes all arguments positionally, in schema order.
        """
        if self._guarded is None:
            self._guarded = self.entrance_of_its_own(slow)
        return self._guarded

    def entrance_of_its_own(self, slow: Callable[..., Any]) -> Any:
        """Return another entrance like `guarded_entrance`, for a `slow` that does more."""
        if self._gpu_type is not None:  # what is not on the CPU may be on a GPU
            there = self._new_guarded(slow, self._capacity, self._gpu_calls, self._gpu_type)
            self._gpu_calls.append(there)
            slow = there
        call = self._new_guarded(slow, self._capacity, self._calls)
        self._calls.append(call)
        return call

    def guarded_out_entrance(self, slow: Callable[..., Any]) -> Any:
        """Return what `guarded_entrance` does for the `out` overload; the same one each time.

        Args:
            slow: calls the torch op; takes the arguments in schema order, the tensors by name.
        """
        if self._guarded_out is not None:
            return self._guarded_out
        if self._gpu_type is not None:
            there = self._new_guarded_out(slow, self._gpu_out_calls, self._gpu_type)
            self._gpu_out_calls.append(there)
            slow = there
        call = self._new_guarded_out(slow, self._out_calls)
        self._out_calls.append(call)
        self._guarded_out = call
        return call

    def _new_guarded_out(
        self, slow: Callable[..., Any], peers: Sequence[Any], device_type: int = _DLPACK_CPU
    ) -> Any:
        op = self._op
        return _guarded_call(
            slow,
            (*op.arg_names, staged_name(op)),
            self._capacity,
            defaults=default_values(op) | {staged_name(op): False},
            check=op.check if op.has_check else None,
            eager=op.eager_execute if op.has_eager_execute else None,
            outs=out_names(op),
            asked=len(op.arg_names),
            autocast=op.autocast_dtypes,
            peers=tuple(peers),
            device_type=device_type,
        )

    def _new_guarded(
        self,
        slow: Callable[..., Any],
        capacity: int,
        peers: Sequence[Any] = (),
        device_type: int = _DLPACK_CPU,
    ) -> Any:
        op = self._op
        return _guarded_call(
            slow,
            op.arg_names,
            capacity,
            defaults=default_values(op),
            check=op.check if op.has_check else None,
            eager=op.eager_execute if op.has_eager_execute else None,
            autocast=op.autocast_dtypes,
            peers=tuple(peers),
            returned=-1 if op.returned_arg is None else op.returned_arg,
            device_type=device_type,
        )

    def bound_entrance(
        self, slow: Callable[..., Any], args: Sequence[Any], bound: BoundLaunch
    ) -> Any:
        """Return an entrance that runs one bound launch, and `slow` for any other call."""
        call = self._new_guarded(slow, 1)
        if bound.plan is not None:
            plan = bound.plan.native
            call.remember(args, plan, bound.operands, bound.results, bound.alike)
        return call

    def remember(self, name: str, refused: int, args: Sequence[Any], bound: BoundLaunch) -> None:
        """Make the C launcher serve calls like this one, if it refused this one only as unknown.

        Args:
            name: the entrance that passed the call on.
            refused: why; comes with the call, as other threads call at the same time.
            args: all arguments.
            bound: what runs them.
        """
        assert bound.plan is not None
        if self._capacity != bound_launches():
            self._capacity = bound_launches()
            for call in self._every():
                call.clear(self._capacity)
        missed = self._entrances[name] if _not_seen_yet(refused) else None
        plain, into = self._lists(on_gpu=bound.plan.native.device_type != _DLPACK_CPU)
        for calls, given in ((plain, args), (into, (*args, False))):
            for call in calls:
                if call is missed or call.remembered == 0:
                    plan = bound.plan.native
                    call.remember(given, plan, bound.operands, bound.results, bound.alike)

    def clear(self) -> None:
        """Forget all."""
        for call in self._every():
            call.clear()

    @property
    def hits(self) -> int:
        """How many calls never reached Python."""
        return sum(call.hits for call in self._every())


def _guarded_call(
    slow: Callable[..., Any], names: Sequence[str], capacity: int, **options: Any
) -> Any:
    """Return a `_launcher.Call` that looks for itself at all that torch's dispatcher sees to.

    Args:
        slow: takes all arguments by position; computes a call that is not remembered.
        names: of the arguments.
        capacity: how many calls are remembered.
        options: as for `_launcher.Call`.
    """
    from ir_runtime.launch.direct.native import _launcher
    from ir_runtime.op_reg.call.call_functions import PLAIN_KEYSET

    options = {"defaults": {}, "autocast": {}, "device_type": _DLPACK_CPU, **options}
    on_cpu = options["device_type"] == _DLPACK_CPU
    return _launcher.Call(
        slow,
        takes_keyset=False,
        plain_keyset=PLAIN_KEYSET,
        set_devices=set_devices if on_cpu else [],  # they are for CPU tensors
        parameters=names,
        positional=len(names),
        capacity=capacity,
        **options,
    )


def _not_seen_yet(refused: int) -> bool:
    """Tell whether a call was refused only as it is unlike those that are remembered."""
    from ir_runtime.launch.direct.native import _launcher

    return _launcher.REFUSALS.get(refused) in _NOT_SEEN_YET


def can_be_fast(op: Op) -> bool:
    """Tell whether the C launcher can stand before an op's functions for CPU tensors."""
    return not op.select_each_call and native.why_absent() is None


def add_fast_calls(op: Op, functions: CallFunctions, gpu_type: int | None = None) -> CallFunctions:
    """Return the functions with the C launcher before those for CPU tensors, and those for GPUs.

    Args:
        op: an op that `can_be_fast`.
        functions: made to be told why a call was passed on.
        gpu_type: DLPack's number of torch's GPUs; None leaves the functions for them alone.
    """
    fast = op.calls.fast = FastCalls(op, gpu_type)
    functions = replace(
        functions,
        call=fast.entrance("call", functions.call, keyset=False, out=False),
        autograd=fast.entrance("autograd", functions.autograd, keyset=True, out=False),
        call_out=fast.entrance("call_out", functions.call_out, keyset=False, out=True),
        autograd_out=fast.entrance("autograd_out", functions.autograd_out, keyset=True, out=True),
    )
    if gpu_type is None:
        return functions
    there = {
        name: fast.entrance(
            name,
            getattr(functions, name),
            keyset=name.startswith("autograd"),
            out="out" in name,
            gpu_type=gpu_type,
        )
        for name in ("call_there", "autograd_there", "call_out_there", "autograd_out_there")
    }
    return replace(functions, **there)
