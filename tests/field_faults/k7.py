"""Tests of K7, programs that torch exports and this package did not."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K7-whole-models GPT-2, Mamba and a CNN with BatchNorm did not run; other models were not tried
  aot/test_models.py::test_model_is_as_exact_as_torch
K7-slice-of-a-clone `u = t.clone(); u[1:5] = s` was refused at run time with PERMISSION_DENIED
  aot/test_programs_of_torch.py::test_slice_of_a_clone_is_assigned
K7-builtin aot.export of a builtin failed for want of a signature
  aot/test_programs_of_torch.py::test_builtins_and_callables_are_exported
K7-size-symbols errors of sizes named symbols of torch, such as s53 + 1
  aot/test_programs_of_torch.py::test_errors_of_sizes_name_argument_and_dimension
K7-results None and Python numbers among the results were refused
  aot/test_programs_of_torch.py::test_results_need_not_be_tensors
  aot/test_models.py::test_result_is_of_the_class_that_the_model_returns
K7-mutation a program that changes an argument or a buffer was refused
  aot/test_mutation.py::test_arguments_are_changed_on_each_local_device
  aot/test_mutation.py::test_buffers_and_parameters_of_the_module_are_changed
  aot/test_mutation.py::test_arguments_that_cannot_be_changed_alone_are_refused
"""
