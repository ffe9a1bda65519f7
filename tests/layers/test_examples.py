"""Do the examples run as they are?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXPECTED = {
    "torch_library_ops.py": [
        "sigmoid         tensor([0.7311, 0.8808, 0.9526])",
        "its gradient    tensor([0.1966, 0.1050, 0.0452])",
        "of the module   tensor([0.1966, 0.1050, 0.0452])",
        "compiled        tensor([0.1966, 0.1050, 0.0452])",
    ],
    "layers.py": [
        "clipped_square  [[1.0, 4.0], [4.0, 1.0]]",
        "relu3           [[0.0, 8.0], [0.0, 1.0]]",
        "enabled         {'clipped_square': 1}",
        "disabled        {'relu3': 1}",
        "  iree    chosen: a row kernel",
        "replaced by     FastReLU3",
        "routed          [[-9.0, 18.0], [-12.0, 4.0]]",
    ],
}


def test_each_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXPECTED)


@pytest.mark.timeout(700)
@pytest.mark.full
@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_prints_what_it_should(name: str):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line in EXPECTED[name]] == EXPECTED[name]


def test_the_sigmoid_of_the_example_is_right():
    """Against torch in float64, with the gradient, empty and strided input."""
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location(
        "torch_library_ops", ROOT / "examples" / "torch_library_ops.py"
    )
    assert spec is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    for x in (torch.linspace(-80, 80, 257), torch.randn(4, 6).T, torch.empty(0, 3), torch.ones(())):
        mine, wide = x.clone().requires_grad_(True), x.double().requires_grad_(True)
        y, z = example.MySigmoidModule()(mine), torch.sigmoid(wide)
        y.sum().backward()
        z.sum().backward()
        torch.testing.assert_close(y.double(), z, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(mine.grad.double(), wide.grad, rtol=1e-5, atol=1e-7)
    x = torch.randn(5)
    torch.library.opcheck(torch.ops.myns.sigmoid.default, (x,))
    torch.library.opcheck(torch.ops.myns.sigmoid_backward.default, (x, torch.sigmoid(x)))
