"""Does each activation that a configuration can name compute its formula?"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the layers
from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, OpConflictError
from ir_runtime.layers import (
    CompilationConfig,
    Layer,
    get_act_and_mul_fn,
    get_act_fn,
    op_registry,
    register_act_fn,
    set_compilation_config,
    use_platform,
)
from ir_runtime.op_reg import forget_kernels


def sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v))


def gelu(v: float) -> float:
    return 0.5 * v * (1 + math.erf(v / math.sqrt(2)))


def gelu_tanh(v: float) -> float:
    return 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))


def xielu(v: float) -> float:
    return 0.8 * v * v + 0.5 * v if v > 0 else (math.expm1(min(v, -1e-6)) - v) * 0.8 + 0.5 * v


FORMULAS: dict[str, Callable[[float], float]] = {
    "gelu": gelu,
    "gelu_fast": lambda v: 0.5 * v * (1 + math.tanh(0.7978845608 * v * (1 + 0.044715 * v * v))),
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": lambda v: max(v, 0.0),
    "relu2": lambda v: max(v, 0.0) ** 2,
    "silu": lambda v: v * sigmoid(v),
    "quick_gelu": lambda v: v * sigmoid(1.702 * v),
    "tanh": math.tanh,
    "sigmoid": sigmoid,
    "xielu": xielu,
}
GATED: dict[str, Callable[[float, float], float]] = {
    "gelu": lambda a, b: gelu(a) * b,
    "geglu": lambda a, b: gelu(a) * b,
    "silu": lambda a, b: a * sigmoid(a) * b,
    "swigluoai": lambda g, u: (
        (min(max(u, -7.0), 7.0) + 1) * min(g, 7.0) * sigmoid(1.702 * min(g, 7.0))
    ),
}
VALUES = [-20.0, -8.0, -3.5, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 3.5, 8.0, 20.0]


@pytest.fixture(params=[torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture(autouse=True)
def native():
    """Run the torch functions, whatever kernels there are."""
    with set_compilation_config(CompilationConfig(custom_ops="none")):
        yield


def check(found: torch.Tensor, expected: list[float], dtype: torch.dtype) -> None:
    tolerance = {"rtol": 1e-6, "atol": 1e-9} if dtype is torch.float64 else {}
    assert found.dtype == dtype
    torch.testing.assert_close(found, torch.tensor(expected, dtype=dtype), **tolerance)


@pytest.mark.parametrize("name", FORMULAS)
def test_each_activation_computes_its_formula(name: str, dtype: torch.dtype):
    """C-14."""
    layer = get_act_fn(name, dtype=torch.float64) if name == "xielu" else get_act_fn(name)
    x = torch.tensor(VALUES, dtype=dtype)
    check(layer(x), [FORMULAS[name](v) for v in x.tolist()], dtype)


@pytest.mark.parametrize("name", GATED)
def test_each_gated_activation_computes_its_formula(name: str, dtype: torch.dtype):
    """C-14."""
    pairs = torch.cartesian_prod(torch.tensor(VALUES), torch.tensor(VALUES)).to(dtype)
    interleaved = name == "swigluoai"
    x = pairs.reshape(1, -1) if interleaved else pairs.T.reshape(1, -1)
    found = get_act_and_mul_fn(name)(x)
    assert found.shape == (1, len(VALUES) ** 2)
    check(found[0], [GATED[name](a, b) for a, b in pairs.tolist()], dtype)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "hip", "xpu"])
@pytest.mark.parametrize("name", FORMULAS)
def test_activations_run_on_each_platform(name: str, platform: str):
    """C-14."""
    with use_platform(platform), set_compilation_config(CompilationConfig(custom_ops="all")):
        layer = get_act_fn(name, dtype=torch.float32) if name == "xielu" else get_act_fn(name)
    assert isinstance(layer, Layer)
    torch.testing.assert_close(layer(torch.ones(3)), torch.full((3,), FORMULAS[name](1.0)))


def test_names_are_read_in_any_case():
    """C-14."""
    assert type(get_act_fn("GELU_New")) is type(get_act_fn("gelu_new"))


def test_settings_reach_the_layer():
    """C-14."""
    assert get_act_fn("gelu", approximate="tanh").approximate == "tanh"
    assert get_act_and_mul_fn("swigluoai", limit=3.0).limit == 3.0


@pytest.mark.parametrize("get", [get_act_fn, get_act_and_mul_fn])
def test_an_unknown_name_lists_the_known_ones(get: Callable):
    """C-14."""
    with pytest.raises(ValueError, match=r"'swishy' is not supported") as caught:
        get("swishy")
    assert isinstance(caught.value, ArgumentError)
    assert "gelu" in caught.value.facts[0]
    assert "silu" in caught.value.facts[0]


def test_without_the_catalogue_the_error_says_where_activations_are():
    """C-14."""
    program = "from ir_runtime.layers import get_act_fn; get_act_fn('gelu')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert "fix: import kernels_mlir" in done.stderr


def test_a_name_has_one_layer():
    """C-14."""
    with pytest.raises(OpConflictError, match="activation 'GELU': has a layer"):
        register_act_fn("GELU", torch.nn.GELU)


def test_the_layers_have_the_seeds_names_and_classes():
    names = {
        "silu_and_mul": "SiluAndMul",
        "gelu_and_mul": "GeluAndMul",
        "swigluoai_and_mul": "SwigluOAIAndMul",
        "gelu_new": "NewGELU",
        "gelu_fast": "FastGELU",
        "quick_gelu": "QuickGELU",
        "relu2": "ReLUSquaredActivation",
        "xielu": "XIELU",
    }
    assert {name: op_registry[name].__name__ for name in names} == names


def test_a_gelu_is_refused_by_its_unknown_approximation():
    with pytest.raises(ArgumentError, match="gelu_and_mul: `approximate` is 'erf'"):
        get_act_and_mul_fn("gelu", approximate="erf")


def test_xielu_starts_and_learns_as_told():
    layer = get_act_fn("xielu", alpha_p_init=0.3, alpha_n_init=0.9, beta=0.4, dtype=torch.float64)
    x = torch.tensor([-2.0, 2.0], dtype=torch.float64, requires_grad=True)
    expected = [(math.expm1(-2.0) + 2.0) * 0.9 - 0.8, 0.3 * 4 + 0.8]
    torch.testing.assert_close(layer(x), torch.tensor(expected, dtype=torch.float64))
    layer(x).sum().backward()
    assert layer.alpha_p.grad is not None
    assert torch.autograd.gradcheck(layer, (x,))
    assert sorted(layer.state_dict()) == ["alpha_n", "alpha_p", "beta", "eps"]
    with pytest.raises(ArgumentError, match="must be above 0 and above `beta`"):
        get_act_fn("xielu", alpha_n_init=0.2)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", ["silu_and_mul", "gelu"])
@pytest.mark.parametrize("custom_ops", ["all", "none"])
def test_an_enabled_layer_runs_the_kernel_of_its_op(name: str, custom_ops: str, compiled: bool):
    """A disabled one runs torch."""
    forget_kernels()
    with set_compilation_config(CompilationConfig(custom_ops=custom_ops)):
        layer = op_registry[name]()
        call = torch.compile(layer, fullgraph=True) if compiled else layer
        with count_since() as counts:
            result = call(torch.ones(3, 8))
    assert (counts[0].selects > 0) == (custom_ops == "all")
    torch.testing.assert_close(result, getattr(ir.ops, name).native(torch.ones(3, 8)))
