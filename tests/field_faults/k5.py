"""Which tests show that faults of K5, K6, K12 and K13 are mended?"""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K5-argument-on-meta one argument on meta gave uninitialised memory
  kernels/test_arguments.py::test_each_way_of_calling_refuses_in_the_same_words
  ir/test_arguments.py::test_mixed_devices_are_refused_by_default
  ir/test_arguments.py::test_number_on_the_cpu_goes_with_tensors_elsewhere
K5-out-on-meta an `out` on meta computed nothing
  kernels/test_arguments.py::test_out_on_another_device_is_refused
  ir/test_arguments.py::test_mixed_devices_are_refused_by_default
K5-integers-to-float-ops integers and bool gave integers
  kernels/test_arguments.py::test_each_way_of_calling_refuses_in_the_same_words
  kernels/test_bad_input.py::test_refusal
  kernels/test_bad_input.py::test_refusal_on_meta_tensors
K6-native-was-not-asked what a kernel refuses was refused, though native computes it
  kernels/test_arguments.py::test_what_the_kernel_does_not_take_native_computes
  kernels/test_arguments.py::test_a_compiled_call_goes_to_native_too
  ir/test_arguments.py::test_what_select_refuses_beyond_the_constraints_goes_on
K6-attributes-by-dtype in f64 an epsilon of -5 and the word "sigmoid" were taken
  kernels/test_arguments.py::test_each_way_of_calling_refuses_in_the_same_words
  kernels/test_arguments.py::test_a_compiled_call_refuses_in_the_same_words
  ir/test_arguments.py::test_what_the_op_accepts_is_asked_before_any_provider
K12-squares-in-float32 gradients of large and small rows were 0 or NaN
  kernels/test_backward.py::test_gradient_of_very_large_and_small_rows
  kernels/test_accuracy.py::test_each_stretch_of_the_range
K12-shut-gate a gradient of about 0 was NaN
  kernels/test_backward.py::test_gradient_of_a_gate_that_is_shut_is_zero
K12-constant-rows layer_norm's weight gradient of constant rows was 4e-2
  kernels/test_backward.py::test_weight_gradient_of_constant_rows_is_zero
K12-gelu-tail gelu had 5.6 times torch's error in (-6, -5)
  kernels/test_accuracy.py::test_each_stretch_of_the_range
K13-sharded-tensors DTensor had no rule for elementwise and row ops
  kernels/test_torch_features.py::test_sharded_tensors
K13-flops linear counted 0
  kernels/test_torch_features.py::test_flops_are_counted
K13-forward-mode jvp was refused
  kernels/test_torch_features.py::test_forward_mode_and_vmap_are_those_of_native
  kernels/test_torch_features.py::test_forward_over_reverse
  op_reg/test_forward.py::test_tangent_is_pushed_forward
  op_reg/test_forward.py::test_gradient_of_a_tangent_is_right_or_refused
K13-vmap-of-kernels vmap of the kernels' torch ops was refused
  kernels/test_torch_features.py::test_forward_mode_and_vmap_are_those_of_native
K13-nested-tensors a nested tensor was a bare NotImplementedError
  op_reg/test_forward.py::test_nested_tensor_is_refused
"""
"""A line of the fault's name and what went wrong, then its tests."""
