"""Faults of memory safety seen in the field, and the tests that show their absence."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K1-negative-index-of-a-write a legal negative index of index_put damaged the heap
  op_reg/test_index_check.py::test_legal_indices_give_what_torch_gives
  op_reg/test_index_check.py::test_argument_in_place_stays_as_it_is_if_an_index_is_illegal
K1-index-out-of-range embedding, gather and index_put read and wrote foreign memory
  op_reg/test_index_check.py::test_illegal_index_is_an_index_error
  op_reg/test_index_check.py::test_index_of_a_dimension_without_elements
K1-program-index-out-of-range so did exported programs, and ops in them
  op_reg/test_index_check.py::test_index_of_an_op_in_a_program
  op_reg/test_index_check.py::test_launchable_of_a_program_returns_its_results_alone
K1-index-that-nobody-checks operators that take indices in other ways went through
  op_reg/test_index_check.py::test_operator_whose_indices_nobody_checks_is_refused
  op_reg/test_index_check.py::test_place_that_the_program_computes_is_refused
K1-empty-write a scatter without updates crashed
  op_reg/test_index_check.py::test_write_of_nothing
K1-sizes-of-a-trace sizes that a trace depends on were not compared: narrow read past the end
  op_reg/test_trace_guard.py::test_sizes_that_a_trace_needs_are_asserted
K1-template-sizes operands of a template whose sizes disagree were read past their end
  op_reg/test_operand_size.py::test_operands_of_other_sizes_are_refused
  op_reg/test_operand_size.py::test_one_alias_means_one_size_where_the_operations_do_not_say
K1-shrunk-storage a storage that was shrunk under a tensor was read and written past its end
  direct/test_cut_storage.py::test_op_refuses_it_as_argument_and_as_out
  direct/test_cut_storage.py::test_program_refuses_it
"""
"""A line of the fault's name and what went wrong, then its tests."""
