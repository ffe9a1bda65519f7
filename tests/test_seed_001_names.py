"""Does every name of seed 001 exist, with its parameters?  The seed's own page, as a table.

`Vllm` in a name is `Runtime` here. A parameter is written as in a signature; ours may have more,
with defaults.
"""

from __future__ import annotations

import inspect
import pickle
from abc import ABC
from typing import Any

import pytest

from ir_runtime import passes
from tests.passes import user_passes
from tests.test_seed_004_names import check_signature, found

SIGNATURES = {
    "CallableInductorPass": "function, uuid=",
    "InductorPass.__call__": "self, graph",
    "InductorPass.hash_dict": "parameters",
    "InductorPass.hash_source": "*sources",
    "InductorPass.is_applicable_for_range": "self, compile_range",
    "InductorPass.uuid": "self",
    "RuntimeFusionPatternMatcherPass": "config, pass_name",
    "RuntimeFusionPatternMatcherPass.__call__": "self, graph",
    "RuntimeFusionPatternMatcherPass._trace_fn": "*args",
    "RuntimeFusionPatternMatcherPass.register": "self, pr",
    "RuntimeFusionPatternMatcherPass.uuid": "self",
    "RuntimeInductorPass": "config",
    "RuntimeInductorPass.begin": "self",
    "RuntimeInductorPass.dump_graph": "self, graph, stage",
    "RuntimeInductorPass.end_and_log": "self",
    "RuntimeInductorPass.time_and_log": "call_fn",
    "RuntimePatternMatcherPass": "config",
    "RuntimePatternMatcherPass._replace_op_overloads": "self, string",
    "RuntimePatternMatcherPass.dump_patterns": "self, config, pm_pass",
    "RuntimePatternMatcherPass.log_match_summary": "",
    "RuntimePatternReplacement.empty": "*args",
    "RuntimePatternReplacement.empty_bf16": "*args",
    "RuntimePatternReplacement.empty_fp16": "*args",
    "RuntimePatternReplacement.empty_fp32": "*args",
    "RuntimePatternReplacement.empty_i32": "*args",
    "RuntimePatternReplacement.get_inputs": "self",
    "enable_fake_mode": "function",
    "get_match_table": "",
    "get_pass_context": "",
    "pass_context": "compile_range=",
}
MEMBERS = (
    "compilation_config pass_config model_dtype device pass_name dump_prefix matched_count "
    "match_table pm_pass _pattern_replacements uuid register"
)


@pytest.mark.parametrize("path", SIGNATURES)
def test_a_name_has_the_seeds_signature(path: str) -> None:
    check_signature(found(passes, path), SIGNATURES[path])


def test_names_are_exported() -> None:
    for name in {path.partition(".")[0] for path in SIGNATURES} | {"InductorCompilationConfig"}:
        assert name in passes.__all__


def test_the_bases_are_the_seeds() -> None:
    line = [
        passes.RuntimeFusionPatternMatcherPass,
        passes.RuntimePatternMatcherPass,
        passes.RuntimeInductorPass,
        passes.InductorPass,
    ]
    assert [cls for cls in line[0].__mro__ if cls in line] == line
    assert issubclass(passes.RuntimePatternReplacement, ABC)
    for name in ("pattern", "replacement"):
        assert isinstance(vars(passes.RuntimePatternReplacement)[name], property)
    assert passes.RuntimePatternReplacement.__abstractmethods__ == {
        *("pattern", "replacement", "get_inputs"),
    }
    assert passes.RuntimePatternReplacement[..., Any]


def test_class_attributes_are_there_without_a_run() -> None:
    assert passes.RuntimeInductorPass.dump_prefix is None
    assert passes.RuntimePatternMatcherPass.matched_count == 0
    assert dict(passes.RuntimePatternMatcherPass.match_table) == passes.get_match_table()


def test_a_pass_of_the_seeds_page_has_the_members() -> None:
    made = user_passes.SquareFusion(passes.RuntimeConfig())
    for name in MEMBERS.split():
        getattr(made, name)
    assert isinstance(made.compilation_config, passes.InductorCompilationConfig)
    assert made.compilation_config.use_inductor_graph_partition is False
    assert made.compilation_config.splitting_ops is None
    assert made.device == "cpu"
    assert pickle.loads(pickle.dumps(made)) == made


def test_parameters_have_the_names_of_the_page() -> None:
    parameters = inspect.signature(passes.RuntimeFusionPatternMatcherPass.__init__).parameters
    assert list(parameters) == ["self", "config", "pass_name"]
