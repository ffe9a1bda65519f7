"""A second process with torch's caches of the first never runs old code of an op."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ir_runtime.op_reg.digest import torch_cache

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, types
import torch
from ir_runtime import ir
from ir_runtime.layers import direct_register_custom_op
from ir_runtime.op_reg import CustomOp, def_library, register_autograd
factor, dtype = (2, "float32") if sys.argv[1] == "old" else (5, "float64")
user = sys.modules["user"] = types.ModuleType("user")
exec(f'''
import torch
from torch import Tensor
from ir_runtime.op_reg import CustomOp
class same(CustomOp):
    signature = "same(Tensor x) -> Tensor"
    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)
    def generate(self, ksel, kb): raise NotImplementedError
    def eager_execute(self, x): return x.clone()
def backward(ctx, g): return g * {factor}
def wide(x: Tensor) -> Tensor: return x.to(torch.{dtype}) * 2
def plain(x: Tensor) -> Tensor: return x.clone()
''', vars(user))
library = def_library("ir_tests_cache")
same = CustomOp.register(user.same, library=library)
register_autograd(same, user.backward)
wide = ir.register_op(user.wide)
wide.set_default(["native"])
direct_register_custom_op("plain", user.plain, fake_impl=user.plain, target_lib=library)
torch.library.register_autograd("ir_tests_cache::plain", user.backward, lib=library)
x = torch.ones(4, requires_grad=True)
found = []
for op in (same, torch.ops.ir_runtime.wide, torch.ops.ir_tests_cache.plain):
    y = torch.compile(lambda x: op(x))(x)  # Inductor has nothing to build
    (g,) = torch.autograd.grad(y.sum(), x)
    found += [str(y.dtype), g[0].item()]
from torch._dynamo.utils import counters
kept = counters["aot_autograd"]
print(found, kept["autograd_cache_hit"], kept["autograd_cache_bypass"])
"""
OLD = "['torch.float32', 2.0, 'torch.float32', 2.0, 'torch.float32', 2.0]"
NEW = "['torch.float32', 5.0, 'torch.float64', 2.0, 'torch.float32', 5.0]"


@pytest.mark.slow
def test_edited_code_is_seen_and_the_rest_is_taken_from_the_cache(tmp_path: Path) -> None:
    """`register_autograd`, a native that is the fake, and a backward that torch alone knows."""

    def run(code: str) -> str:
        environment = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT, code],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    assert run("old") == f"{OLD} 0 1"
    assert run("new") == f"{NEW} 0 1"
    assert run("old") == f"{OLD} 2 1"


def test_torch_without_a_place_for_our_code_is_named_with_what_to_do() -> None:
    with pytest.warns(RuntimeWarning, match="set TORCHINDUCTOR_FORCE_DISABLE_CACHES=1"):
        torch_cache._extend(types.ModuleType("without_details"))
