"""What do tests of calls share?  A call on an add of 4x8 f32 that knows what it passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import REFUSALS, Call, Plan
from ir_runtime.op_reg.call.call_functions import PLAIN_KEYSET
from tests.launch.native.libraries import Function, one_step

ADD = Function(
    "add",
    "const float *x = s->bindings[0], *y = s->bindings[1]; float *out = s->bindings[2];"
    "for (int i = 0; i < 32; i++) out[i] = x[i] + y[i];",
    bindings=3,
)
RESULT = [((4, 8), torch.float32)]


def add_plan() -> Plan:
    return one_step(ADD, (1, 1, 1), 128, 128, 128)


class Calls:
    """A `Call` on an add of 4x8 f32, and the calls that it passed on."""

    def __init__(
        self,
        parameters: tuple[str, ...] = ("x", "y"),
        *,
        answer: Callable[..., Any] = lambda *args, **kwargs: "slow",
        **options: Any,
    ) -> None:
        self._answer = answer
        self.passed: list[tuple[Any, ...]] = []
        self.refusals: list[int] = []
        self.devices: list[Any] = []
        usual = {"positional": len(parameters), "defaults": {}, "takes_keyset": False}
        options = usual | {"is_told": True} | options
        self.call = Call(
            self.slow,
            plain_keyset=PLAIN_KEYSET,
            set_devices=self.devices,
            parameters=parameters,
            **options,
        )

    def slow(self, refused: int, *args: Any, **kwargs: Any) -> Any:
        self.refusals.append(refused)
        self.passed.append((args, kwargs) if kwargs else args)
        return self._answer(*args, **kwargs)

    def remember(self, *args: Any, plan: Plan | None = None, operands: Any = (0, 1)) -> bool:
        return self.call.remember(args, plan or add_plan(), operands, RESULT)

    def refusal(self, *args: Any, **kwargs: Any) -> str:
        count = len(self.passed)
        assert self.call(*args, **kwargs) == "slow"
        assert len(self.passed) == count + 1
        return REFUSALS[self.refusals[-1]]


def pair() -> tuple[Tensor, Tensor]:
    return torch.randn(4, 8), torch.randn(4, 8)
