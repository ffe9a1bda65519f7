"""Passes from a configuration: fields, order, keys, and what is refused."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.passes import (
    CompilationOptions,
    InductorPass,
    PassConfig,
    PassManager,
    Pipeline,
    PostGradPassManager,
    RuntimeConfig,
    default_pass_pipeline,
    pass_context,
)
from ir_runtime.passes.cleanup.noop_elimination import NoOpElimination
from ir_runtime.passes.cleanup.post_cleanup import PostCleanup
from ir_runtime.passes.errors import PassClassError, UnsupportedPassError
from ir_runtime.settings import override_settings
from tests.passes.traced_graphs import targets, traced
from tests.passes.user_passes import Negate, SquareFusion, squares

NEGATE = "tests.passes.user_passes.Negate"
FIELDS = (
    "fuse_norm_quant fuse_act_quant fuse_attn_quant eliminate_noops enable_sp fuse_gemm_comms "
    "fuse_allreduce_rms fuse_minimax_qk_norm enable_qk_norm_rope_fusion fuse_act_padding "
    "fuse_mla_dual_rms_norm fuse_rope_kvcache rope_kvcache_fusion_max_token_num "
    "fi_allreduce_fusion_max_size_mb sp_min_token_num"
)
OUT_OF_SCOPE = {
    **dict.fromkeys(
        ("fuse_attn_quant", "enable_sp", "fuse_gemm_comms", "fuse_allreduce_rms"), True
    ),
    **dict.fromkeys(("fuse_minimax_qk_norm", "fuse_act_padding", "fuse_rope_kvcache"), True),
    "fuse_mla_dual_rms_norm": True,
    "fi_allreduce_fusion_max_size_mb": 1.0,
    "sp_min_token_num": 8,
}


def config(pipeline: Any = None, **fields: Any) -> RuntimeConfig:
    options = CompilationOptions(pass_config=PassConfig(**fields), pass_pipeline=pipeline)
    return RuntimeConfig(compilation_config=options)


def test_the_configuration_has_the_fields():
    assert set(FIELDS.split()) == set(PassConfig.__dataclass_fields__)
    made = PassConfig()
    assert made.eliminate_noops is True
    assert made.enable_qk_norm_rope_fusion is False
    assert made.rope_kvcache_fusion_max_token_num == 256
    assert made.compute_hash() != PassConfig(eliminate_noops=False).compute_hash()


@pytest.mark.parametrize("field", OUT_OF_SCOPE)
def test_a_field_without_a_pass_is_refused_when_set(field: str):
    with pytest.raises(UnsupportedPassError, match=f"`{field}` is .*, must be None or False"):
        PassConfig(**{field: OUT_OF_SCOPE[field]})
    PassConfig(**{field: None})


def test_the_level_decides_what_the_user_does_not():
    assert PassConfig().at_level(0).fuse_norm_quant is False
    assert PassConfig().at_level(1).fuse_norm_quant is True
    assert PassConfig(fuse_norm_quant=False).at_level(3).fuse_norm_quant is False
    assert PassConfig(fuse_act_quant=True).at_level(0).fuse_act_quant is True
    with pytest.raises(ArgumentError, match="level 4 is not known, must be in"):
        PassConfig().at_level(4)


def test_the_fields_become_passes_in_their_order():
    every = default_pass_pipeline(config(enable_qk_norm_rope_fusion=True))
    assert every[0] == "NoOpElimination"
    assert every.index("SplitCoalescing") < every.index("ScatterSplitReplacement")
    assert "NoOpElimination" not in default_pass_pipeline(config(eliminate_noops=False))
    assert "SplitCoalescing" not in default_pass_pipeline(config())


def test_passes_are_added_and_run_in_order(caplog: Any):
    manager = PassManager()
    with pytest.raises(AssertionError, match="is no InductorPass"):
        manager.add(lambda graph: None)  # pyright: ignore[reportArgumentType]
    manager.add(SquareFusion())
    manager.add(Negate())
    module = traced(lambda x, y: squares(x, y).relu(), torch.ones(2, 8), torch.ones(2, 8))
    with caplog.at_level(logging.DEBUG, "ir_runtime.passes"):
        manager(module.graph)
    assert "aten.neg.default" in targets(module)
    assert [record.name for record in manager.record.passes] == ["square_fusion", "Negate"]
    assert manager.record.match_table == {"square_fusion": 2}
    assert "matches of passes: {'square_fusion': 2}" in caplog.text


def test_the_key_follows_passes_configuration_and_batch_sizes():
    def made(*passes: InductorPass, **fields: Any) -> PassManager:
        manager = PassManager.from_config(config([], **fields))
        for each in passes:
            manager.add(each)
        return manager

    known = made(NoOpElimination())
    assert known.uuid() == made(NoOpElimination()).uuid()
    assert known == made(NoOpElimination())
    assert known.uuid() != made(NoOpElimination(), NoOpElimination()).uuid()
    assert known.uuid() != made(NoOpElimination(), fuse_norm_quant=True).uuid()
    assert pickle.loads(pickle.dumps(known)).uuid() == known.uuid()
    before = known.uuid()
    with pass_context((1, 8)):
        assert known.uuid() != before


def test_the_list_in_the_configuration_wins():
    manager = PassManager.from_config(config([NoOpElimination, NEGATE, SquareFusion]))
    assert manager.describe_pipeline() == ["NoOpElimination()", "Negate", "square_fusion"]
    assert [type(each) for each in manager.passes] == [NoOpElimination, Negate, SquareFusion]


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ("pathlib.Path", PassClassError),
        (Path, PassClassError),
        (NoOpElimination(), ArgumentError),
        (lambda graph: None, ArgumentError),
        ("no.such.module.Pass", ArgumentError),
    ],
)
def test_what_is_no_class_of_passes_is_refused(item: Any, kind: type[Exception]):
    with pytest.raises(kind):
        PassManager.from_config(config([item]))
    assert issubclass(PassClassError, TypeError)
    assert issubclass(ArgumentError, ValueError)


def test_cleanup_and_lowering_follow_and_the_in_place_form_is_last():
    names = [
        name.partition("(")[0]
        for name in PostGradPassManager.from_config(config([NEGATE])).describe_pipeline()
    ]
    tail = [name for name in PostGradPassManager.tail if name in names]
    assert names == ["Negate", *tail]
    assert tail.count("PostCleanup") == 2
    assert PostGradPassManager.tail[-1] == "FixFunctionalizationPass"


def test_a_manager_is_a_pass_of_a_pipeline():
    manager = PassManager()
    manager.add(NoOpElimination())
    manager.add(PostCleanup())
    pipeline = Pipeline([manager])
    module = traced(lambda x: x.reshape(4).reshape(2, 2) + 1, torch.ones(2, 2))
    pipeline.options()["post_grad_custom_post_pass"](module.graph)
    assert [record.name for record in pipeline.record.passes] == [
        *("PassManager", "NoOpElimination", "PostCleanup"),
    ]
    assert manager.record.graphs == []


def test_dumps_go_where_the_configuration_or_the_settings_say(tmp_path: Path):
    assert RuntimeConfig(debug_dump_path=tmp_path).compile_debug_dump_path() == tmp_path
    assert RuntimeConfig().compile_debug_dump_path() is None
    with override_settings(trace=tmp_path / "trace"):
        assert RuntimeConfig().compile_debug_dump_path() == tmp_path / "trace"


def test_an_object_of_the_users_own_serves_as_configuration():
    options = SimpleNamespace(
        splitting_ops=["a::b"], use_inductor_graph_partition=True, pass_config=PassConfig()
    )
    made = Negate(
        SimpleNamespace(compilation_config=options, model_config=None, device_config=None)
    )
    assert made.compilation_config.splitting_ops == ["a::b"]
    assert made.compilation_config.use_inductor_graph_partition is True
    assert (made.model_dtype, made.device, made.pass_name) == (None, None, "Negate")
