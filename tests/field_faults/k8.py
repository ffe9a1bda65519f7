"""Tests of K8, parameters of exported programs."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K8-half-after-export m.half() after an export with external parameters was a raw LinkError
  aot/test_parameter_files.py::test_a_module_that_was_changed_since_is_refused
K8-non-persistent-buffers a state dict without them did not load
  aot/test_parameter_files.py::test_each_source_gives_the_same_results
K8-dtype-and-shape i32 for f32 and [3, 4] for [4, 3] loaded: only bytes were compared
  aot/test_parameter_files.py::test_another_dtype_or_shape_is_refused
  aot/test_parameter_files.py::test_an_archive_keeps_dtypes_and_shapes
K8-other-formats a .pt or torn file was a raw exception of IREE
  aot/test_parameter_files.py::test_a_file_of_another_format_is_refused
  aot/test_parameter_files.py::test_a_file_cut_anywhere_or_changed_is_refused_or_whole
K8-truncated-gguf a truncated GGUF gave other numbers
  aot/test_parameter_files.py::test_a_file_cut_anywhere_or_changed_is_refused_or_whole
K8-cut-file a file cut after provider() was SIGBUS
  aot/test_parameter_files.py::test_a_file_cut_after_it_was_opened_is_an_error
  aot/test_parameter_files.py::test_a_file_cut_after_the_first_call_changes_nothing
"""
