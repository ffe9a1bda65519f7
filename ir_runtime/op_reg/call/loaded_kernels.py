"""The loaded kernels: a bounded number; the least recently used are dropped first.

The fast path does not come by here, so its calls do not update the order. Instead, all kernels are
asked if they ran: once shortly before the limit, and once at the limit. Those that ran between the
two are the most recently used.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ir_runtime.fork_lock import ForkSafeLock, fork_safe_lock
from ir_runtime.launch.executor import LoadedKernel
from ir_runtime.settings import current_settings
from ir_runtime.trace_lock import hold

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["LoadedKernels"]


class LoadedKernels:
    """Loaded kernels by selection, code and device type; one thread loads each.

    The limit is the setting `loaded_kernels`. The code of a dropped kernel is unloaded once no
    running call and no launcher of a user needs it.
    """

    def __init__(self) -> None:
        self._kernels: OrderedDict[Any, tuple[Op, LoadedKernel]] = OrderedDict()
        self._loading: dict[Any, ForkSafeLock] = {}
        self._guard = fork_safe_lock()
        self._looked = False

    def get(self, key: Any, op: Op, load: Callable[[], LoadedKernel]) -> LoadedKernel:
        """Return the kernel of `key`, loaded by one thread while others wait."""
        with self._guard:
            found = self._kernels.get(key)
            if found is not None:
                self._kernels.move_to_end(key)
                return found[1]
            lock = self._loading.setdefault(key, fork_safe_lock())
        with hold(lock):
            found = self._kernels.get(key)
            try:
                kernel = load() if found is None else found[1]
            finally:
                self._loading.pop(key, None)
            with self._guard:
                kernel = self._kept(key, op, kernel)
                dropped = self._drop_unused(keep=key)
        for owner in dropped:
            owner.calls.forget_dropped()
        return kernel

    def _kept(self, key: Any, op: Op, kernel: LoadedKernel) -> LoadedKernel:
        """Keep a kernel, unless another thread has loaded it too or dropped it; return which one.

        A kernel that is replaced here would stay in tables of calls, since nobody drops it.
        """
        found = self._kernels.get(key)
        if found is not None:
            return found[1]
        if not kernel.dropped:
            self._kernels[key] = op, kernel
        return kernel

    def clear(self) -> None:
        """Drop all kernels."""
        self._kernels.clear()

    def _drop_unused(self, *, keep: Any) -> list[Op]:
        """Drop the least recently used kernels if there are too many; return their ops.

        A sixteenth is dropped at once, so that only few loads have to ask all kernels.
        """
        limit = current_settings().loaded_kernels
        low = limit - limit // 16
        total = sum(kernel.executable_count for _, kernel in self._kernels.values())
        if total >= low and (total > limit or not self._looked):
            self._looked = total <= limit
            self._look(keep)
        owners: dict[str, Op] = {}
        while not self._looked and total > low and len(self._kernels) > 1:
            _, (op, kernel) = self._kernels.popitem(last=False)
            kernel.dropped = True
            total -= kernel.executable_count
            owners[op.qualified_name] = op
        return list(owners.values())

    def _look(self, keep: Any) -> None:
        """Put the kernels that ran since the last look behind the others."""
        ran = [key for key, (_, kernel) in self._kernels.items() if kernel.take_ran()]
        for key in (*ran, keep):
            if key in self._kernels:
                self._kernels.move_to_end(key)
