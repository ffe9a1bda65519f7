"""Which tests show that faults of the kinds K2, K9 and K11 are absent?"""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K2-state-of-objects a kernel of an earlier run was used after an object that generate reads changed
  op_reg/test_described_state.py::test_state_that_is_read_is_in_the_digest
  op_reg/test_described_state.py::test_what_does_not_run_or_is_not_read_is_not_refused
K2-constants-of-sibling-modules a constant of a module beside a script was in no key
  op_reg/test_described_state.py::test_state_that_is_read_is_in_the_digest
K2-environment-and-globals-by-text os.environ[...] and globals()["S"] were in no key
  op_reg/test_described_state.py::test_state_that_is_read_is_in_the_digest
  op_reg/test_described_state.py::test_state_that_no_key_holds_is_refused_by_name
  op_reg/test_described_state.py::test_refusal_reads_as_a_whole
K2-torch-caches-run-old-code a second process with torch's caches ran the old backward of an op
  op_reg/test_torch_cache.py::test_edited_code_is_seen_and_the_rest_is_taken_from_the_cache
K9-forked-child-hangs-at-exit a forked child released devices of its parent and hung
  device/test_instance.py::test_a_forked_child_ends_whatever_it_does_with_devices_of_its_parent
K11-fx-trace symbolic_trace of a model with a layer was a TraceError
  layers/test_fx_trace.py::test_a_layer_inside_is_one_node
  layers/test_fx_trace.py::test_a_layer_in_a_sequence_is_one_node
  layers/test_fx_trace.py::test_a_layer_alone_is_its_op_or_what_it_computes
  layers/test_fx_trace.py::test_a_layer_is_exported
K11-choice-under-dynamic-sizes a compiled layer chose another provider than an eager one
  layers/test_op_layer.py::test_divisible_batches_are_chosen_under_dynamic_sizes_as_in_eager
K11-ir-op-is-a-string ir_op = "rms_norm" was an AttributeError at the first call
  layers/test_op_layer.py::test_ir_op_that_is_no_op_is_refused_where_the_class_is_made
"""
"""A line of the fault's name and what went wrong, then its tests."""
