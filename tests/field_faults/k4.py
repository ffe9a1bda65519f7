"""Which tests show that the faults of the kinds K4 and K10 are mended?  Rows as in `fault_rows`."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = """
K4-store-that-others-can-write a store that others can write was used, so that their code ran
  launch/test_trust.py::test_a_store_that_others_can_write_is_refused
  launch/test_trust.py::test_a_directory_above_that_others_can_write_is_refused
  launch/test_trust.py::test_the_directories_above_count_before_the_store_is_made
  launch/test_trust.py::test_a_link_counts_with_where_it_lies_and_where_it_leads
  launch/test_trust.py::test_a_store_of_another_user_is_refused_unless_that_user_is_trusted
  launch/test_trust.py::test_an_artifact_that_others_can_change_is_compiled_again
  launch/test_trust.py::test_a_base_store_that_others_can_write_is_passed_over_with_one_warning
  launch/test_trust.py::test_a_compile_cache_that_others_can_write_is_not_used
  launch/test_trust.py::test_two_users_share_a_base_store_of_root
K4-umask with umask 0 directories were made that all could write
  launch/test_trust.py::test_everything_is_made_for_this_user_alone
K4-xdg-cache-home an empty or relative XDG_CACHE_HOME put the store below the working directory
  test_settings.py::test_a_cache_home_that_is_no_absolute_path_is_ignored
K4-no-home without a home directory a bare RuntimeError was raised
  test_settings.py::test_a_home_that_is_not_known_is_named
  test_settings.py::test_a_relative_home_is_none
K4-leftovers what killed processes left stayed for ever, and failed sources grew without bound
  launch/test_store.py::test_what_killed_processes_left_is_removed_after_an_hour
  launch/test_store.py::test_sources_of_failed_compiles_are_few
  launch/test_compile_cache.py::test_what_was_not_used_for_long_is_removed
  test_session.py::test_directories_of_killed_runs_are_removed
K4-damage-that-is-not-healed a loop of links in place of a file was never healed
  launch/test_store_damage.py::test_damaged_artifact_is_detected_counted_reported_and_replaceable
  launch/test_store_damage.py::test_damaged_locks_are_mended
  launch/test_store_damage.py::test_damage_at_random_gives_the_artifact_or_nothing
  launch/test_store.py::test_killed_processes_lose_and_break_nothing
K4-unwritable-store a store that cannot be written refused every new kernel
  launch/test_unwritable_store.py::test_store_below_a_file_is_one_warning
  launch/test_unwritable_store.py::test_full_disk_is_a_warning_and_leaves_nothing_until_it_has_room_again
  launch/test_unwritable_store.py::test_read_only_store_serves_and_its_damage_is_compiled_around
  op_reg/test_process.py::test_store_that_cannot_be_written_keeps_the_kernel_in_memory
K4-doctor-believes-modes doctor said that /proc/x can be written
  cli/test_doctor.py::test_a_place_that_takes_no_files_is_found_by_a_write
  cli/test_doctor.py::test_a_store_that_others_can_write_is_shown_with_the_fix
K4-loaded-kernels loaded kernels were never dropped, until the system had no mappings left
  op_reg/test_loaded.py::test_mappings_are_bounded_and_results_stay_right
  op_reg/test_loaded.py::test_a_kernel_that_runs_stays_and_one_that_does_not_goes
  op_reg/test_loaded.py::test_a_launcher_that_a_user_holds_keeps_its_code
K10-argument-names an argument named as a keyword or as a name of generated code: a raw error
  op_reg/test_names.py::test_an_argument_of_any_name
  op_reg/test_names.py::test_an_argument_of_an_ir_op_of_any_name
K10-argument-beyond-the-signature a declaration of an argument that is not there was an IndexError
  op_reg/test_names.py::test_an_argument_that_the_signature_has_not_is_refused_with_those_it_has
  op_reg/test_contract.py::test_argument_that_the_signature_has_not
K10-specialize-dims specialize_dims returned None
  op_reg/test_names.py::test_declarations_of_sizes_chain
K10-subclass-of-an-op an op could not be subclassed, and did not say so
  op_reg/test_names.py::test_a_class_derives_from_a_registered_op
  op_reg/test_names.py::test_a_class_cannot_derive_from_an_ir_op_and_says_what_to_do
K10-explain-by-position a word after a named one was taken for the first argument
  cli/test_explain.py::test_a_word_without_a_name_is_the_next_argument_without_a_value
K10-broken-pipe a reader that ends first was a traceback
  cli/test_main.py::test_output_that_nobody_reads_is_no_traceback
K10-import-of-the-current-directory --import did not see the current directory
  cli/test_ops.py::test_ops_of_a_module_that_is_asked_for
K10-plain-custom-op ops and explain did not know a plain CustomOp
  cli/test_ops.py::test_ops_that_are_written_as_mlir_alone_are_listed
  cli/test_explain.py::test_an_op_that_is_written_as_mlir_alone
K10-python-m python -m ir_runtime failed
  cli/test_main.py::test_output_that_nobody_reads_is_no_traceback
K10-unknown-variable an unknown IR_RUNTIME_ variable was ignored
  test_settings.py::test_an_unknown_variable_is_warned_of_once_with_the_nearest_name
K10-code-blocks code blocks of the docs failed as they stood
  test_docs.py::test_every_block_of_a_page_runs
K10-format-templates templates in templates/ were not found
  op_reg/test_loader.py::test_format_templates_lie_beside_the_module_or_in_templates
"""
"""A line of the fault's name and what went wrong, then its tests."""
