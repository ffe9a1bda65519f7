"""Which tests show that a fault of this package's ancestors is absent?  Half of `tests/rows.py`."""

from __future__ import annotations

__all__ = ["FAULTS"]

FAULTS = """
2.1-outputs outputs received the last input, and never a result
  launch/test_launch_arguments.py::test_result_is_written_into_the_output
  launch/test_launch_arguments.py::test_two_outputs_are_written_and_returned
  launch/test_launchable_device.py::test_outputs_are_written
2.1-source-without-a-directory a Source without a cache directory was an UnboundLocalError
  launch/test_source.py::test_source_object_runs_without_a_cache_directory
2.1-flags-add-up flags of one device type reached the compile for the next
  launch/test_launchable_store.py::test_flags_of_one_device_type_do_not_reach_the_next
  launch/test_launchable_device.py::test_stored_program_is_found_for_its_device_alone
2.1-source-consumed a Source was parsed again after it had been consumed
  launch/test_source.py::test_source_object_serves_two_device_types
2.1-file-name-of-the-device-type two programs in a directory ran the first one's binary
  launch/test_launchable_store.py::test_two_programs_in_one_directory_do_not_collide
  launch/test_launchable_store.py::test_what_makes_another_binary_makes_another_artifact
2.1-host-cpu-not-resolved hosts that share a directory shared code for one of their CPUs
  launch/test_launchable_store.py::test_key_names_the_cpu_and_not_that_it_is_the_hosts
  device/test_cpu.py::test_device_type_spells_out_the_cpu_of_this_host
2.1-compiler-and-entry-not-in-the-key another compiler or entry point ran the old binary
  launch/test_launchable_store.py::test_what_makes_another_binary_makes_another_artifact
  launch/test_key.py::test_every_field_changes_the_digest_and_the_label
2.1-write-not-atomic other processes read half of a file
  launch/test_store.py::test_concurrent_writers_of_one_key_leave_one_whole_artifact
  launch/test_store.py::test_killed_writer_leaves_nothing_readable_and_blocks_nobody
  launch/test_launchable_store.py::test_unfinished_artifact_is_not_there
  launch/test_concurrency.py::test_racing_processes_compile_each_program_once
2.1-missing-entry-kept a missing function was kept, and failed in the call
  launch/test_regression.py::test_missing_entry_point_is_refused_each_time
  launch/test_launchable.py::test_unknown_entry_point_is_refused_at_preload_with_the_exports
2.1-arguments-dropped arguments of other types were dropped
  launch/test_launch_arguments.py::test_argument_that_is_no_tensor_or_number_is_refused_by_place
2.1-bool-as-int a bool went in as an integer
  launch/test_regression.py::test_bool_is_no_number_of_its_width_by_chance
  launch/test_launch_arguments.py::test_bool_is_one
2.1-cuda-is-cuda-0 cuda and cuda:0 were two devices
  launch/test_place.py::test_device_without_a_number_is_the_current_one
2.1-dtype-key-error a result of another dtype was a bare KeyError
  launch/test_launchable.py::test_every_dtype_is_written_by_a_program
  launch/test_launch_arguments.py::test_result_of_a_dtype_that_torch_has_not_is_refused
2.1-scalar-results-dropped results that are numbers were dropped, so the arity changed
  launch/test_launch_arguments.py::test_only_numbers_come_back_in_their_order
  launch/test_launchable_device.py::test_numbers_and_tensors_come_back
2.1-see-diagnostics the compiler's words went to the console and not into the error
  launch/test_regression.py::test_error_holds_what_the_compiler_said_and_prints_nothing
  launch/test_compiler.py::test_bad_mlir_is_reported_with_diagnostics_and_numbered_source
2.1-failure-poisons-the-device a failure in the queue failed each later launch
  launch/test_async.py::test_failure_inside_the_queue_does_not_poison_the_device
  launch/test_launchable_device.py::test_failed_launch_does_not_poison_the_next
2.1-caches-unlocked two threads compiled one kernel twice
  op_reg/test_regression.py::test_threads_that_need_one_kernel_make_it_once
  launch/test_concurrency.py::test_threads_that_ask_for_one_program_separately_compile_it_once
2.1-caches-unbounded what calls and threads leave behind grew without bound
  op_reg/test_call.py::test_table_is_bounded_and_results_stay_right
  op_reg/test_call.py::test_table_keeps_what_is_used
  launch/test_regression.py::test_contexts_end_with_their_threads
2.1-contexts-shared-by-threads threads ran in one context at once
  launch/test_regression.py::test_threads_run_in_contexts_of_their_own
  launch/test_concurrency.py::test_threads_share_a_program_with_mixed_shapes
  op_reg/test_process.py::test_threads_share_one_kernel
2.2-cuda-on-the-hip-driver CUDA devices were made by the driver hip
  device/test_regression.py::test_torch_cuda_is_served_by_the_driver_torch_was_built_for
  device/test_regression.py::test_each_driver_has_its_own_row
  device/test_gpu.py::test_torch_gpu_has_a_device_of_its_own_chip_and_stream
2.2-flags-that-are-gone target flags were not those of the compiler
  device/test_gpu.py::test_each_target_of_the_tables_compiles
  device/test_gpu.py::test_newer_cuda_chip_gets_the_newest_target_and_a_reason
2.2-one-key-for-all-gpus devices of one driver had one key
  device/test_device.py::test_devices_of_own_states_have_instance_keys_of_their_own
  device/test_regression.py::test_devices_of_the_same_driver_and_other_number_have_other_keys
  device/test_place.py::test_device_is_found_by_nothing_number_or_identity
2.2-devices-leak each device was kept until exit
  device/test_regression.py::test_device_is_freed_when_nobody_holds_it
2.2-devices-of-threads-and-streams each thread had a worker pool, each stream a device
  device/test_place.py::test_threads_open_one_place
  device/test_place.py::test_streams_beyond_the_limit_share_one_device
  device/test_device.py::test_threads_share_one_hal_device_a_uri
2.2-cuda-without-an-index torch.device('cuda') was a TypeError
  launch/test_place.py::test_device_without_a_number_is_the_current_one
  device/test_gpu.py::test_torch_gpu_has_a_device_of_its_own_chip_and_stream
2.2-inputs-copied each CPU input was copied
  device/test_local.py::test_aligned_contiguous_tensor_crosses_both_ways_at_one_address
  op_reg/test_kernel.py::test_contiguous_aligned_tensors_are_not_copied
2.2-conj-and-neg tensors with the conj or neg bit were refused or silently wrong
  device/test_local.py::test_layout_that_iree_cannot_read_is_copied_with_its_values
  op_reg/test_call.py::test_conjugate_view_is_resolved
  op_reg/test_call.py::test_negative_view_is_resolved
2.2-strides-of-nothing 0-d and empty tensors were not thought of
  device/test_local.py::test_dense_layout_crosses_without_a_copy
  device/test_local.py::test_zero_size_tensor_keeps_shape_and_dtype
  op_reg/test_kernel.py::test_nothing_in_nothing_out
2.2-no-vulkan other drivers were an AssertionError
  device/test_vulkan.py::test_type_key_is_its_own
  device/test_vulkan.py::test_every_dtype_crosses
  device/test_regression.py::test_each_driver_has_its_own_row
  device/test_device.py::test_unknown_driver_is_refused_with_the_choices
2.2-driver-objects a cache was keyed by driver objects, and names parsed out of reprs
  device/test_device.py::test_device_of_a_driver_object_is_known_by_its_hal_device
2.2-dtype-gaps no uint16, uint32, uint64, e8m0
  device/test_regression.py::test_dtypes_of_the_ancestors_and_those_they_lacked
  launch/test_launchable.py::test_every_dtype_crosses_a_program_bit_by_bit
2.2-error-hides-the-cause raising the error of a dtype was a TypeError
  device/test_regression.py::test_unknown_dtype_says_which_it_is
  test_errors.py::test_every_class_keeps_its_message_through_pickle
2.3-int-repr the repr of an int argument raised, in error messages too
  op_reg/test_regression.py::test_int_argument_has_a_repr
  op_reg/test_contract.py::test_reprs_never_raise
2.3-meta-copies each meta call cloned the data
  op_reg/test_regression.py::test_meta_function_reads_and_copies_no_data
  op_reg/test_selection.py::test_generated_meta_is_no_copy_of_the_data
2.3-keyword-only keyword-only arguments failed
  op_reg/test_registration.py::test_keyword_only_arguments
  op_reg/test_library.py::test_all_arguments_keyword_only
2.3-root-logger the root logger was used
  op_reg/test_regression.py::test_nothing_is_logged_to_the_root_logger
2.3-trailing-defaults defaults that the dispatcher drops were an IndexError
  op_reg/test_registration.py::test_default_is_refilled_when_the_dispatcher_drops_it
  op_reg/test_attributes.py::test_default_is_what_the_dispatcher_would_pass
2.3-symint a symbolic integer was refused
  op_reg/test_compile.py::test_symbolic_int_operand_is_not_specialised
2.3-first-element-of-a-list only the first element of a list attribute was checked
  op_reg/test_regression.py::test_every_element_of_a_list_attribute_is_checked
  op_reg/test_selection.py::test_attribute_of_another_type_is_refused
  op_reg/test_selection.py::test_bool_is_no_int_operand
2.3-keys-collide hostile text forged a key
  op_reg/test_attributes.py::test_hostile_values_have_keys_of_their_own
  op_reg/test_attributes.py::test_two_hostile_texts_cannot_be_shifted_between_arguments
  op_reg/test_selection.py::test_text_that_looks_like_a_separator_cannot_forge_a_key
2.3-code-not-in-the-key a redefined op ran the kernel of the old one
  op_reg/test_identity.py::test_redefined_op_never_runs_the_stale_kernel
  op_reg/test_identity.py::test_redefined_op_of_the_same_name_in_another_process
  op_reg/test_regression.py::test_keys_of_kernels_name_the_compiler_and_the_code
2.3-bindings-shift an absent optional shifted the bindings, with no other way to an operand
  op_reg/test_contract.py::test_value_of_an_argument_goes_by_its_place_in_the_signature
  op_reg/test_kernel.py::test_optional_tensors
2.3-in-place-not-written an op in place left its argument as it was
  op_reg/test_regression.py::test_in_place_op_changes_what_it_was_given
  op_reg/test_kernel_writes.py::test_in_place_writes_back
  op_reg/test_kernel_writes.py::test_several_mutated_arguments_of_any_layout
  op_reg/test_devices.py::test_in_place_op_changes_its_argument
2.3-device-of-a-later-argument the search for a device went on after it was found
  op_reg/test_regression.py::test_device_is_that_of_all_tensors_not_of_the_last_list
2.3-silent-transfer tensors elsewhere were moved without a word
  op_reg/test_devices.py::test_mixed_devices_are_refused
  op_reg/test_devices.py::test_mixed_devices_are_refused_also_after_a_hit
  op_reg/test_selection.py::test_mixed_devices_in_a_list
2.3-layout-specialised tensors of other layouts were not thought of
  op_reg/test_kernel.py::test_other_layouts_are_copied_and_counted
  op_reg/test_kernel.py::test_result_is_contiguous_whatever_the_argument
2.3-no-scalar-results numbers could not be returned
  op_reg/test_results.py::test_int_result_is_an_int
  op_reg/test_results.py::test_number_is_returned_as_python_has_it
2.3-no-list-results lists could not be returned
  op_reg/test_results.py::test_list_result_is_a_list
  op_reg/test_results.py::test_list_beside_a_tensor
2.3-no-child-process compiling out of process was not there
  op_reg/test_regression.py::test_kernels_compile_in_a_child_process_and_in_this_one
  launch/test_compiler.py::test_both_ways_to_compile_give_the_same_program
2.3-no-ints-and-lists-in-programs integer and list arguments were refused ahead of time
  op_reg/test_regression.py::test_program_takes_ints_and_lists
  op_reg/test_expand.py::test_an_integer_of_the_program_is_an_operand
  aot/test_agreement.py::test_an_op_is_one_in_all_ways
2.3-key-of-the-first-device what was remembered for a type held the key of its first place
  op_reg/test_devices.py::test_kernel_is_compiled_for_the_device_and_runs_there
  op_reg/test_devices.py::test_calls_return_to_the_cpu_after_the_block
  launch/test_loader.py::test_module_is_loaded_once_a_device_type
2.3-no-autograd no gradients, and no refusal
  op_reg/test_autograd.py::test_gradient_is_right_in_eager
  op_reg/test_autograd.py::test_op_without_a_backward_refuses_a_gradient
  op_reg/test_autograd.py::test_gradient_is_right_compiled
2.3-no-vmap no vmap
  op_reg/test_vmap.py::test_every_mapped_dimension
  op_reg/test_vmap.py::test_op_without_a_rule_is_refused
2.3-no-autocast no autocast
  op_reg/test_autocast.py::test_op_gets_and_returns_the_dtype_in_a_region
2.3-no-tags no tags
  op_reg/test_tags.py::test_every_op_is_marked_as_fit_for_torch_compile
  op_reg/test_tags.py::test_tags_of_the_class_are_torchs_tags
2.3-no-opcheck torch's own checks failed
  op_reg/test_compile.py::test_opcheck
  op_reg/test_compile.py::test_every_op_of_the_table_is_checked
  kernels/test_battery.py::test_opcheck
2.3-select-on-each-call select ran on each call
  op_reg/test_call.py::test_hit_runs_no_select
  kernels/test_battery.py::test_repeated_call_selects_once_and_copies_nothing
2.3-f64 f64 was computed in f32 and read out of bounds
  op_reg/test_contract.py::test_f64_is_exact_to_the_last_element
  op_reg/test_contract.py::test_f64_identity_keeps_every_bit
  op_reg/test_kernel.py::test_f64_is_not_demoted
  launch/test_launchable.py::test_float64_keeps_its_precision
2.3-identity-aliases a kernel that does nothing returned its argument
  op_reg/test_kernel.py::test_identity_never_aliases_its_argument
  launch/test_launchable.py::test_result_never_aliases_the_argument
2.3-no-inputs a launch without inputs crashed
  launch/test_async.py::test_program_without_inputs_runs
  op_reg/test_regression.py::test_program_without_arguments_runs
  op_reg/test_library.py::test_no_arguments_at_all
2.3-removed-operations templates used an operation that the compiler has no more
  op_reg/test_regression.py::test_templates_of_the_catalogue_use_no_removed_operation
  op_reg/test_loader.py::test_op_of_a_jinja_template
2.4-key-by-function-name functions of one name were one program
  op_reg/test_regression.py::test_functions_of_one_name_are_two_programs
  launch/test_launchable_store.py::test_two_programs_in_one_directory_do_not_collide
2.4-stale-files files were found by name alone
  launch/test_regression.py::test_program_of_another_text_under_one_name_is_compiled
  op_reg/test_loader.py::test_edited_template_is_compiled_again
  op_reg/test_local_import.py::test_edited_import_never_runs_the_stale_kernel
2.4-shell commands went through a shell
  launch/test_regression.py::test_name_and_flags_reach_no_shell
  launch/test_regression.py::test_source_evaluates_no_text_and_starts_no_shell
2.4-timeout a timeout was not caught, and left half a file
  launch/test_regression.py::test_timeout_leaves_nothing_in_the_store
  launch/test_compiler.py::test_compiler_past_its_time_limit_is_stopped
  launch/test_compiler.py::test_next_compile_works_after_a_timeout
2.4-attribute-of-another-context an attribute came from another MLIR context
  aot/test_program.py::test_single_dispatch_keeps_its_function_and_pipeline
  op_reg/test_builder.py::test_single_dispatch_compiles
2.4-none-argument None among the arguments crashed
  launch/test_launch_arguments.py::test_argument_that_is_no_tensor_or_number_is_refused_by_place
  op_reg/test_selection.py::test_tensor_argument_given_none
  op_reg/test_selection.py::test_list_argument_that_holds_none
2.4-one-result-is-not-none of one present result the first was returned, perhaps None
  op_reg/test_regression.py::test_exactly_one_result_that_is_not_none
  op_reg/test_results.py::test_optional_results_keep_their_places
2.4-lifted-constants constants were not in the digest
  op_reg/test_regression.py::test_programs_that_differ_in_a_constant_alone_are_two
  op_reg/test_from_torch.py::test_two_functions_keep_their_constants_apart
2.4-no-arguments a graph without arguments was an IndexError
  op_reg/test_regression.py::test_program_without_arguments_runs
  op_reg/test_library.py::test_no_arguments_at_all
  op_reg/test_library.py::test_no_tensor_arguments
2.4-static-shapes each shape was a program
  op_reg/test_compile.py::test_dynamic_shapes_run_one_kernel
  kernels/test_battery.py::test_compiled_once_serves_every_batch_size
2.4-op-state-shared-by-threads what select left in the op was read by another thread's generate
  op_reg/test_regression.py::test_state_of_an_op_is_not_shared_by_threads
  op_reg/test_regression.py::test_state_of_an_op_is_not_shared_with_a_meta_call_in_between
  op_reg/test_regression.py::test_state_of_an_op_reaches_generate_in_a_program
2.4-vm-instance a launcher made a VM instance of its own
  launch/test_multi_device.py::test_process_keeps_its_one_vm_instance
  launch/test_regression.py::test_each_device_of_a_program_is_of_the_one_vm_instance
2.4-scalar-types-dropped numbers of other types were dropped
  launch/test_multi_device.py::test_numbers_and_tensors_mix
  launch/test_launch_arguments.py::test_number_is_passed_as_the_declared_type
2.4-runtime-flags-unused runtime flags were kept and not used
  launch/test_multi_device.py::test_runtime_flags_hold_for_the_devices
  launch/test_multi_device_refusals.py::test_runtime_flag_that_is_not_known_is_refused
2.4-device-of-tensors a tensor was wanted to tell the device that had been given
  launch/test_multi_device.py::test_arguments_need_no_tensor
2.4-eval text of the cache was evaluated
  launch/test_regression.py::test_text_of_a_key_file_is_not_evaluated
  launch/test_regression.py::test_source_evaluates_no_text_and_starts_no_shell
2.4-hash-of-a-repr digests were of reprs, which differ from process to process
  op_reg/test_identity.py::test_digest_does_not_depend_on_the_process
  launch/test_key.py::test_digest_is_the_same_in_every_process_and_release
2.4-not-atomic files were written in place
  launch/test_store.py::test_killed_writer_leaves_nothing_readable_and_blocks_nobody
  launch/test_store.py::test_every_file_and_directory_of_an_artifact_is_synced
2.4-no-compiler-version the compiler's version was in no key
  launch/test_launchable_store.py::test_what_makes_another_binary_makes_another_artifact
  launch/test_without_compiler.py::test_program_of_another_release_is_not_taken
  op_reg/test_regression.py::test_keys_of_kernels_name_the_compiler_and_the_code
"""
"""A line of the fault's name and what went wrong, then its tests."""
