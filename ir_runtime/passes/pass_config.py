"""The configuration that passes are made from: a nested object with the fields they read.

Passes copy what they need of it. A user's own object with attributes of these names serves, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.passes.errors import UnsupportedPassError
from ir_runtime.tracing import trace_directory

__all__ = [
    "CompilationOptions",
    "DeviceOptions",
    "InductorCompilationConfig",
    "ModelOptions",
    "PassConfig",
    "RuntimeConfig",
]

_NO_PASS = {
    "fuse_attn_quant": "patterns of attention are one a layer, by its name",
    "enable_sp": "collectives are out of scope",
    "fuse_gemm_comms": "collectives are out of scope",
    "fuse_allreduce_rms": "collectives are out of scope",
    "fi_allreduce_fusion_max_size_mb": "collectives are out of scope",
    "sp_min_token_num": "collectives are out of scope",
    "fuse_minimax_qk_norm": "collectives are out of scope",
    "fuse_act_padding": "there is no op with padding to fuse into",
    "fuse_mla_dual_rms_norm": "there is no op to fuse into",
    "fuse_rope_kvcache": "updates of caches are one a layer, by its name",
}
"""Fields that ask for a pass that is not here, and the reason."""

_BY_LEVEL = {"fuse_norm_quant": 1, "fuse_act_quant": 1}
"""Fields that the optimisation level decides, and the least level that turns them on."""

_MOST_LEVEL = 3


@dataclass(frozen=True)
class PassConfig:
    """Which passes run. None leaves it to the optimisation level; a value set by the user wins.

    Attributes:
        fuse_norm_quant: norms join the quantisation of their result.
        fuse_act_quant: gated activations join the quantisation of their result.
        eliminate_noops: views and slices that change nothing go.
        enable_qk_norm_rope_fusion: the norms of query and key join their rotation.
        rope_kvcache_fusion_max_token_num: without effect while `fuse_rope_kvcache` is off.
        fuse_attn_quant: not offered, as all fields below.
        enable_sp: sequence parallelism.
        fuse_gemm_comms: products that overlap collectives.
        fuse_allreduce_rms: all-reduce and norm.
        fuse_minimax_qk_norm: norms of query and key over ranks.
        fuse_act_padding: activation and padding.
        fuse_mla_dual_rms_norm: two norms of latent attention.
        fuse_rope_kvcache: rotation and the update of a cache.
        fi_allreduce_fusion_max_size_mb: limit of `fuse_allreduce_rms`.
        sp_min_token_num: limit of `enable_sp`.

    Raises:
        UnsupportedPassError: a field that is not offered is set.
    """

    fuse_norm_quant: bool | None = None
    fuse_act_quant: bool | None = None
    fuse_attn_quant: bool | None = None
    eliminate_noops: bool = True
    enable_sp: bool | None = None
    fuse_gemm_comms: bool | None = None
    fuse_allreduce_rms: bool | None = None
    fuse_minimax_qk_norm: bool | None = None
    enable_qk_norm_rope_fusion: bool = False
    fuse_act_padding: bool | None = None
    fuse_mla_dual_rms_norm: bool | None = None
    fuse_rope_kvcache: bool | None = None
    rope_kvcache_fusion_max_token_num: int = 256
    fi_allreduce_fusion_max_size_mb: float | None = None
    sp_min_token_num: int | None = None

    def __post_init__(self) -> None:
        for name, reason in _NO_PASS.items():
            value = getattr(self, name)
            if value is not None and value is not False:
                raise UnsupportedPassError(
                    f"PassConfig: `{name}` is {value!r}, must be None or False: {reason}",
                    fix="write the pass, see docs/passes.md, and give it to a Pipeline",
                )

    def at_level(self, level: int) -> PassConfig:
        """Return this configuration with each None of an offered field decided.

        Args:
            level: of optimisation, in 0..3; 0 turns fusions off.

        Raises:
            ArgumentError: there is no such level.
        """
        if level not in range(_MOST_LEVEL + 1):
            raise ArgumentError(f"PassConfig: level {level!r} is not known, must be in 0..3")
        undecided = {n: least for n, least in _BY_LEVEL.items() if getattr(self, n) is None}
        return replace(self, **{name: level >= least for name, least in undecided.items()})

    def compute_hash(self) -> str:
        """Digest the fields, for keys of caches."""
        from ir_runtime.passes.inductor_pass import InductorPass

        return InductorPass.hash_dict({f.name: getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True)
class InductorCompilationConfig:
    """The part of a compile's configuration that passes may keep: no model hangs on it.

    Attributes:
        splitting_ops: ops at which the graph is split, None for none.
        use_inductor_graph_partition: whether Inductor does the splitting.
    """

    splitting_ops: Sequence[str] | None = None
    use_inductor_graph_partition: bool = False


@dataclass(frozen=True)
class CompilationOptions:
    """How a model is compiled.

    Attributes:
        splitting_ops: ops at which the graph is split, None for none.
        use_inductor_graph_partition: whether Inductor does the splitting.
        pass_config: which passes run.
        pass_pipeline: the passes after autograd instead, in their order: classes, or texts
            "module.Qualname"; None for what `pass_config` says.
        level: of optimisation, in 0..3; it decides fields of `pass_config` that are None.
    """

    splitting_ops: Sequence[str] | None = None
    use_inductor_graph_partition: bool = False
    pass_config: PassConfig = field(default_factory=PassConfig)
    pass_pipeline: Sequence[Any] | None = None
    level: int = _MOST_LEVEL


@dataclass(frozen=True)
class ModelOptions:
    """Facts of a model.

    Attributes:
        dtype: of its weights and activations.
    """

    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class DeviceOptions:
    """Where a model runs.

    Attributes:
        device: torch's name of it.
    """

    device: str = "cpu"


@dataclass(frozen=True)
class RuntimeConfig:
    """The configuration of one compile.

    Attributes:
        compilation_config: how.
        model_config: of what; None if unknown.
        device_config: for where; None if unknown.
        debug_dump_path: where graphs and patterns are written; None for the trace directory, if
            `IR_RUNTIME_TRACE` names one.
    """

    compilation_config: CompilationOptions = field(default_factory=CompilationOptions)
    model_config: ModelOptions | None = field(default_factory=ModelOptions)
    device_config: DeviceOptions | None = field(default_factory=DeviceOptions)
    debug_dump_path: Path | None = None

    def compile_debug_dump_path(self) -> Path | None:
        """Return the directory of dumps, None for no dumps."""
        return self.debug_dump_path or trace_directory()
