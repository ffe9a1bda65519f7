"""The start-up time of a fresh process: imports, and the first call of a stored kernel.

As in an installed package, modules are compiled to bytecode. Python's garbage collector is off: a
collection of torch's heap takes about 50 ms and may come at any time.

The promises: `import ir_runtime` with all its layers and the catalogue adds at most 100 ms to
`import torch`; the first call of a stored kernel after the imports takes at most 30 ms, and that of
one made from its torch function at most 1.2 times that of one with a class of its own. Beside
other work the wall time says little; then the CPU time of the imports is the better number.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace

from benchmarks.measure import Row, json_of_process, print_rows, summarise

OURS = """
import gc, json, sys, time
gc.disable()
a = time.perf_counter()
import torch
known, started = len(sys.modules), time.process_time()
b = time.perf_counter()
import ir_runtime, ir_runtime.device, ir_runtime.launch, ir_runtime.op_reg
c = time.perf_counter()
import kernels_mlir
d = time.perf_counter()
cpu, modules = time.process_time() - started, len(sys.modules) - known
x, w = torch.randn(4, 384), torch.ones(384)
e = time.perf_counter()
kernels_mlir.rms_norm(x, w, 1e-6)
f = time.perf_counter()
kernels_mlir.rms_norm(x[:2], w, 1e-6)
g = time.perf_counter()
from ir_runtime.counters import current_counts
print(json.dumps({"torch": b - a, "ir_runtime": c - b, "kernels_mlir": d - c, "first": f - e,
                  "cpu": cpu, "modules": modules, "shapes": g - f,
                  "compiles": current_counts().compiles,
                  "compiler": "iree.compiler" in sys.modules}))
"""
FIRST = """
import gc, json, sys, time
gc.disable()
import torch, kernels_mlir
x, op = torch.randn(4, 384), getattr(kernels_mlir, sys.argv[1])
a, began = time.perf_counter(), time.process_time()
op(x)
b, ended = time.perf_counter(), time.process_time()
print(json.dumps({"first": b - a, "cpu": ended - began}))
"""
PEER = """
import gc, json, time
gc.disable()
import torch
f = torch.compile(lambda x, w: torch.nn.functional.rms_norm(x, (384,), w, 1e-6))
x, w = torch.randn(4, 384), torch.ones(384)
a = time.perf_counter()
f(x, w)
print(json.dumps({"first": time.perf_counter() - a}))
"""


def run(arguments: argparse.Namespace) -> bool:
    """Measure and print; returns whether the promises are kept."""
    with tempfile.TemporaryDirectory() as place:
        environment = {
            "IR_RUNTIME_STORE": f"{place}/store",
            "TORCHINDUCTOR_CACHE_DIR": f"{place}/inductor",
            "PYTHONPYCACHEPREFIX": f"{place}/bytecode",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        json_of_process(OURS, environment)  # fills the store
        json_of_process(PEER, environment)  # fills inductor's cache
        ours, peers = [], []
        firsts: dict[str, list[dict[str, float]]] = {"gelu": [], "relu2": []}
        for name in firsts:
            json_of_process(FIRST, environment, name)
        for _ in range(arguments.rounds or 9):
            ours.append(json_of_process(OURS, environment))
            peers.append(json_of_process(PEER, environment))
            for name, samples in firsts.items():
                samples.append(json_of_process(FIRST, environment, name))
    if any(sample["compiles"] or sample["compiler"] for sample in ours):
        raise SystemExit("a process with a filled store compiled, or loaded the compiler")

    def row(name: str, samples: list[float], limit: float | None = None) -> Row:
        value, spread = summarise(samples, 1e3)
        return Row(name, value, "ms", spread, None, limit)

    added = [s["ir_runtime"] + s["kernels_mlir"] for s in ours]
    written, native = ([s["cpu"] for s in samples] for samples in firsts.values())
    ratio = summarise(native, 1e3)[0] / summarise(written, 1e3)[0]
    rows = [
        row("import torch", [s["torch"] for s in ours]),
        row("import ir_runtime, all layers", [s["ir_runtime"] for s in ours]),
        row("import ir_runtime and kernels_mlir", added, 100.0),
        row("the same, CPU time", [s["cpu"] for s in ours]),
        Row("the same, modules", ours[0]["modules"], "", 0.0),
        row("first call of a stored kernel", [s["first"] for s in ours], 30.0),
        row("first call with other sizes", [s["shapes"] for s in ours]),
        row("first call of gelu, with a class, CPU time", written),
        replace(row("of relu2, made from its function, CPU time", native, 1.2), ratio=ratio),
        row("torch.compile, cached, first call", [s["first"] for s in peers]),
    ]
    return print_rows("A fresh process, rms_norm of 4x384 f32", rows, as_json=arguments.json)
