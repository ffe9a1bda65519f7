"""Rows of faults of kind K3, and of the operators of K7, and the tests that show their absence."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K3-float8-rounding f32 to fp8: what rounds up to the smallest normal became 0
  op_reg/legal/test_float8.py::test_builder_casts_all_patterns_as_torch
  op_reg/legal/test_float8.py::test_exported_programs_convert_all_patterns_as_torch
K3-float8-saturation e4m3fn of 465 and of infinity gave NaN where torch saturates
  op_reg/legal/test_float8.py::test_exported_programs_convert_all_patterns_as_torch
K3-float8-nan byte 0xFF of e4m3fn became -480
  op_reg/legal/test_float8.py::test_builder_casts_all_patterns_as_torch
K3-nan-lost clamp, clamp_min, maximum, relu6 and hardtanh lost NaN; argmax did not find it
  op_reg/legal/test_order.py::test_nan_goes_through
K3-narrow-division remainder and floor division of int8 and uint8 crashed the compiler
  op_reg/legal/test_integer.py::test_every_width_divides_as_torch
K3-division-in-process floor division of uint8 in inline_torch ended the process
  op_reg/legal/test_integer.py::test_bytes_divide_in_a_traced_kernel
  op_reg/legal/test_refusal.py::test_passes_that_fail_are_an_error_with_diagnostics
K3-division-by-zero integers divided by 0, or the smallest by -1, ended the process by a signal
  op_reg/legal/test_integer.py::test_zero_divides_to_zero_and_the_smallest_by_minus_one_wraps
K3-numbers-beside-constants torch.ones(2) * -1 gave 1.8e19, torch.ones(2) < 2 False
  op_reg/legal/test_number.py::test_numbers_beside_constants_keep_their_value
K3-remainder-of-floats of floats: rounded, and -0.0 and infinite divisors lost
  op_reg/legal/test_integer.py::test_rests_of_floats_are_exact
  op_reg/legal/test_refusal.py::test_export_names_the_operator_and_the_line
K3-powers of floats: 66 units off, pow(1, NaN) NaN, pow(-inf, 2.5) NaN, pow(-0.0, -2) -inf
  op_reg/legal/test_power.py::test_special_powers_are_torchs
K3-mean-of-scattered-integers scatter_reduce "mean" of integers rounded to zero, not down
  aot/operators/test_shapes.py::test_shapes_are_right_or_refused
K3-long-sums one number was added after the other: of 800,000 in f32, 370 units off
  op_reg/legal/test_summation.py::test_long_rows_are_added_up_as_exactly_as_torch_does
K3-shared-sums a sum of an open size, and another made of it: a hundred times the sum
  op_reg/legal/test_summation.py::test_long_rows_are_added_up_as_exactly_as_torch_does
K3-powers-of-doubles 213 units off
  aot/operators/test_elementwise.py::test_elementwise_are_right_or_refused
K7-several-open-indices x[i, j], as_strided and writes to slices of open sizes were refused
  op_reg/legal/test_index.py::test_several_indices_of_open_sizes_read_as_in_torch
  op_reg/legal/test_index.py::test_each_of_several_indices_is_checked
  op_reg/legal/test_index.py::test_strides_of_an_open_size_read_as_in_torch
  op_reg/legal/test_index.py::test_slices_of_an_open_size_are_written_as_in_torch
K7-settled-sizes a size that torch made static was open in the program: max_pool1d failed
  op_reg/test_size_function.py::test_a_size_that_the_trace_settles_is_static
K7-bytes-of-bools a view of bools as bytes read past the end of the packed bits
  aot/operators/test_shapes.py::test_shapes_are_right_or_refused
K7-widened-dynamic-one dynamic dimensions of 1 were not widened: a result too small
  op_reg/legal/test_refusal.py::test_dynamic_dimensions_of_one_are_not_widened
K7-no-counterpart operators without a name in the compiler failed at the first call in raw MLIR
  op_reg/legal/test_refusal.py::test_export_names_the_operator_and_the_line
  op_reg/legal/test_refusal.py::test_explain_gives_the_reason_of_a_traced_provider
K7-complex complex numbers failed in raw MLIR, and a product of them crashed the compiler
  op_reg/legal/test_refusal.py::test_export_names_the_operator_and_the_line
"""
