"""Graph passes for `torch.compile`: they change the graphs that Inductor compiles.

Importing this package imports Inductor only when one of its names is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.passes.compile_context import (
        CompileRange,
        PassContext,
        get_pass_context,
        pass_context,
    )
    from ir_runtime.passes.default_list import default_passes
    from ir_runtime.passes.fake_mode import enable_fake_mode
    from ir_runtime.passes.fusion_pattern_matcher_pass import RuntimeFusionPatternMatcherPass
    from ir_runtime.passes.graph.fx_query import (
        find_auto_fn,
        find_auto_fn_maybe,
        find_fn,
        find_fn_maybe,
        find_getitem,
        find_getitem_maybe,
        find_op_nodes,
        get_only_user,
        is_auto_func,
        is_func,
    )
    from ir_runtime.passes.graph_pass import GraphPass
    from ir_runtime.passes.inductor_pass import CallableInductorPass, InductorPass
    from ir_runtime.passes.inplace.clone_elimination import CloneElimination
    from ir_runtime.passes.inplace.fix_functionalization import FixFunctionalizationPass
    from ir_runtime.passes.inplace.inplace_functionalization import InplaceFunctionalization
    from ir_runtime.passes.lowering.ir_lowering import IrLowering
    from ir_runtime.passes.named_pass import pass_names, register_pass
    from ir_runtime.passes.pass_config import (
        CompilationOptions,
        DeviceOptions,
        InductorCompilationConfig,
        ModelOptions,
        PassConfig,
        RuntimeConfig,
    )
    from ir_runtime.passes.pass_manager import (
        PassManager,
        PostGradPassManager,
        default_pass_pipeline,
    )
    from ir_runtime.passes.pattern_matcher_pass import RuntimePatternMatcherPass, get_match_table
    from ir_runtime.passes.pattern_replacement import RuntimePatternReplacement
    from ir_runtime.passes.pipeline import Pipeline
    from ir_runtime.passes.record.pipeline_record import GraphRecord, PipelineRecord
    from ir_runtime.passes.record.run_record import NearMiss, PassRecord
    from ir_runtime.passes.runtime_inductor_pass import RuntimeInductorPass

__all__ = [
    "CallableInductorPass",
    "CloneElimination",
    "CompilationOptions",
    "CompileRange",
    "DeviceOptions",
    "FixFunctionalizationPass",
    "GraphPass",
    "GraphRecord",
    "InductorCompilationConfig",
    "InductorPass",
    "InplaceFunctionalization",
    "IrLowering",
    "ModelOptions",
    "NearMiss",
    "PassConfig",
    "PassContext",
    "PassManager",
    "PassRecord",
    "Pipeline",
    "PipelineRecord",
    "PostGradPassManager",
    "RuntimeConfig",
    "RuntimeFusionPatternMatcherPass",
    "RuntimeInductorPass",
    "RuntimePatternMatcherPass",
    "RuntimePatternReplacement",
    "default_pass_pipeline",
    "default_passes",
    "enable_fake_mode",
    "find_auto_fn",
    "find_auto_fn_maybe",
    "find_fn",
    "find_fn_maybe",
    "find_getitem",
    "find_getitem_maybe",
    "find_op_nodes",
    "get_match_table",
    "get_only_user",
    "get_pass_context",
    "is_auto_func",
    "is_func",
    "pass_context",
    "pass_names",
    "register_pass",
]

__getattr__ = late_names(
    __name__,
    {
        "CallableInductorPass": "inductor_pass",
        "CloneElimination": "inplace.clone_elimination",
        "CompilationOptions": "pass_config",
        "CompileRange": "compile_context",
        "DeviceOptions": "pass_config",
        "FixFunctionalizationPass": "inplace.fix_functionalization",
        "GraphPass": "graph_pass",
        "GraphRecord": "record.pipeline_record",
        "InductorCompilationConfig": "pass_config",
        "InductorPass": "inductor_pass",
        "InplaceFunctionalization": "inplace.inplace_functionalization",
        "IrLowering": "lowering.ir_lowering",
        "ModelOptions": "pass_config",
        "NearMiss": "record.run_record",
        "PassConfig": "pass_config",
        "PassContext": "compile_context",
        "PassManager": "pass_manager",
        "PassRecord": "record.run_record",
        "Pipeline": "pipeline",
        "PipelineRecord": "record.pipeline_record",
        "PostGradPassManager": "pass_manager",
        "RuntimeConfig": "pass_config",
        "RuntimeFusionPatternMatcherPass": "fusion_pattern_matcher_pass",
        "RuntimeInductorPass": "runtime_inductor_pass",
        "RuntimePatternMatcherPass": "pattern_matcher_pass",
        "RuntimePatternReplacement": "pattern_replacement",
        "default_pass_pipeline": "pass_manager",
        "default_passes": "default_list",
        "enable_fake_mode": "fake_mode",
        "find_auto_fn": "graph.fx_query",
        "find_auto_fn_maybe": "graph.fx_query",
        "find_fn": "graph.fx_query",
        "find_fn_maybe": "graph.fx_query",
        "find_getitem": "graph.fx_query",
        "find_getitem_maybe": "graph.fx_query",
        "find_op_nodes": "graph.fx_query",
        "get_match_table": "pattern_matcher_pass",
        "get_only_user": "graph.fx_query",
        "get_pass_context": "compile_context",
        "is_auto_func": "graph.fx_query",
        "is_func": "graph.fx_query",
        "pass_context": "compile_context",
        "pass_names": "named_pass",
        "register_pass": "named_pass",
    },
)
