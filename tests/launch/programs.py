"""Programs for several devices, and devices that can be watched."""

from __future__ import annotations

import time
from pathlib import Path

from ir_runtime.device import Device, DeviceState

TWO = ["local-task", "local-task"]

MIXED = """
func.func @main(%a: tensor<?xf32>, %s: f32, %n: i64, %b: i1)
    -> (i64, tensor<?xf32> {iree.abi.affinity = #hal.device.promise<@__device_1>}, i1) {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %a, %c0 : tensor<?xf32>
  %0 = flow.tensor.transfer %a : tensor<?xf32>{%d} to #hal.device.promise<@__device_1>
  %e = tensor.empty(%d) : tensor<?xf32>
  %f = linalg.fill ins(%s : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %1 = arith.mulf %0, %f : tensor<?xf32>
  return %n, %1, %b : i64, tensor<?xf32>, i1
}"""


def pipeline(element: str = "f32", op: str = "arith.addf") -> str:
    """A program that doubles on its first device and doubles again on its second."""
    kind = f"tensor<?x{element}>"
    first, second = (f"#hal.device.promise<@__device_{i}>" for i in range(2))
    return f"""
func.func @main(%a: {kind} {{iree.abi.affinity = {first}}})
    -> ({kind} {{iree.abi.affinity = {second}}}) {{
  %c0 = arith.constant 0 : index
  %d = tensor.dim %a, %c0 : {kind}
  %0 = {op} %a, %a : {kind}
  %1 = flow.tensor.transfer %0 : {kind}{{%d}} to {second}
  %2 = {op} %1, %1 : {kind}
  return %2 : {kind}
}}"""


def device_with_own_workers() -> tuple[Device, set[Path]]:
    """Open a device whose worker threads are nobody else's; return it and them."""
    from iree.runtime import _binding

    before = set(Path("/proc/self/task").iterdir())
    hal = _binding.create_hal_driver("local-task").create_default_device()
    workers = set(Path("/proc/self/task").iterdir()) - before
    return Device(device_state=DeviceState(driver="local-task", device=hal)), workers


def naps(threads: set[Path]) -> int:
    """How often threads have gone to sleep, once all are; one that is never woken does not."""
    lines = _status(threads)
    for _ in range(1000):  # who has worked may still be awake
        if all(line.split()[1] == "S" for line in lines if line.startswith("State:")):
            break
        time.sleep(0.01)
        lines = _status(threads)
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))


def _status(threads: set[Path]) -> list[str]:
    texts = [(thread / "status").read_text() for thread in threads]
    return [line for text in texts for line in text.split("\n")]
