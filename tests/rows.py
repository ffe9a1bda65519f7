"""Which tests show each feature of this package's ancestors, and that their faults are absent?

A line of a row's name and what it is about, then the tests that fail without it, below `tests/`.
`tests/test_rows.py` holds the table together.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.fault_rows import FAULTS

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """A behaviour, and the node ids of its tests."""

    behaviour: str
    tests: tuple[str, ...]


def read_rows(text: str) -> dict[str, Row]:
    """Read a table; a row that is there twice is refused."""
    rows: dict[str, Row] = {}
    name = ""
    for line in text.strip().split("\n"):
        if line.startswith("  "):
            before = rows[name]
            rows[name] = Row(before.behaviour, (*before.tests, f"tests/{line.strip()}"))
        else:
            name, _, behaviour = line.partition(" ")
            assert name not in rows, name
            rows[name] = Row(behaviour, ())
    return rows


FEATURES = """
D1 the process has one VM instance
  device/test_device.py::test_process_has_one_vm_instance_from_any_thread
  launch/test_multi_device.py::test_process_keeps_its_one_vm_instance
D2 a device state keeps what it is given, and opens the driver's default device without
  device/test_regression.py::test_state_keeps_what_it_is_given
  device/test_device.py::test_device_of_a_state_serves_tensors
  test_seed_004_names.py::test_object_has_the_seeds_member
D3 the driver's description of a device is there, or its absence is said
  device/test_device.py::test_state_gives_back_its_enumeration
  device/test_device.py::test_state_without_enumeration_says_so
  device/test_vulkan.py::test_device_describes_itself
D4 a URI opens one HAL device, once
  device/test_regression.py::test_uri_is_opened_once_whoever_asks
  device/test_device.py::test_unknown_device_of_a_driver_is_refused_with_the_reason
D5 a thread has one Device a URI; a state makes a new one; both at once are refused
  device/test_device.py::test_thread_gets_one_object_for_a_uri
  device/test_device.py::test_other_thread_gets_another_object
  device/test_device.py::test_device_of_a_state_is_made_anew_and_uses_its_hal_device
  device/test_device.py::test_uri_and_state_exclude_and_need_each_other
D6 devices are made current for a thread, nest, and say when they are cleared out of turn
  device/test_device.py::test_with_blocks_nest
  device/test_device.py::test_set_device_is_current_until_cleared
  device/test_device.py::test_current_device_belongs_to_its_thread
  device/test_device.py::test_clear_without_set_is_refused
  device/test_device.py::test_clear_of_a_device_below_the_top_is_refused_and_changes_nothing
  launch/test_launchable_device.py::test_program_runs_on_the_current_device
D7 a device gives its HAL device, a HAL module, text about itself
  device/test_regression.py::test_device_gives_modules_text_and_its_parts
  device/test_device.py::test_dump_lists_every_compiler_flag
D7a a device takes tensors in and gives them back, and lists its compiler flags
  device/test_local.py::test_aligned_contiguous_tensor_crosses_both_ways_at_one_address
  device/test_local.py::test_result_dtype_comes_from_the_meta_tensor
  device/test_cpu.py::test_target_becomes_three_compiler_flags
D8 each driver has its name and target flags
  device/test_regression.py::test_each_driver_has_its_own_row
  device/test_gpu.py::test_each_target_of_the_tables_compiles
  device/test_vulkan.py::test_type_key_is_its_own
D9 keys tell device types and places apart; their digest is SHA-1 unless told otherwise
  device/test_device.py::test_instance_keys_tell_places_apart
  device/test_device.py::test_type_key_hash_is_sha1_or_what_the_caller_says
  device/test_regression.py::test_devices_of_the_same_driver_and_other_number_have_other_keys
  device/test_cpu.py::test_both_local_drivers_share_binaries
D10 a device without a stream of torch's is synchronous
  device/test_device.py::test_waiting_for_torch_is_nothing_on_the_cpu
  device/test_regression.py::test_state_keeps_what_it_is_given
D11 each launch has fences of its own, so threads and failures do not meet in one timeline
  launch/test_async.py::test_failure_on_one_thread_leaves_other_threads_alone
  launch/test_async.py::test_failure_inside_the_queue_does_not_poison_the_device
  launch/test_concurrency.py::test_threads_share_a_program_with_mixed_shapes
D12 a launch comes after what torch has enqueued, and torch's next work after it
  device/test_device.py::test_waiting_for_torch_is_nothing_on_the_cpu
  op_reg/test_devices.py::test_launch_is_ordered_after_and_before_work_on_torchs_stream
D13 so it is for CUDA and HIP alike, whatever the stream
  op_reg/test_devices.py::test_launch_is_ordered_after_and_before_work_on_torchs_stream
D14 a torch device leads to the thread's device, or to None, or to an error
  device/test_device.py::test_lookup_without_create_opens_nothing
  device/test_device.py::test_torch_device_without_a_driver
  device/test_device.py::test_cpu_tensors_are_served_by_the_worker_pool
  device/test_gpu.py::test_torch_gpu_has_a_device_of_its_own_chip_and_stream
D15 HIP devices are found by identity, compiled for their product, and share torch's library
  device/test_gpu.py::test_gpu_is_matched_by_identity
  device/test_gpu.py::test_hip_device_is_compiled_for_its_product_else_its_chip
  device/test_gpu.py::test_torch_hip_library_is_found_among_the_loaded_ones
D16 CPU tensors go in of any dtype, without a copy where they lie well
  device/test_local.py::test_aligned_contiguous_tensor_crosses_both_ways_at_one_address
  device/test_local.py::test_layout_that_iree_cannot_read_is_copied_with_its_values
  device/test_regression.py::test_dtype_that_numpy_has_not_crosses_without_a_copy
D17 results come out without a copy, keep their memory, and never read past it
  device/test_local.py::test_exported_tensor_keeps_the_buffer_alive
  device/test_local.py::test_write_through_the_exported_tensor_reaches_the_imported_one
  device/test_local.py::test_export_of_too_small_a_buffer_is_refused
D18 GPU tensors cross without a copy, by DLPack's codes
  device/test_gpu.py::test_gpu_tensor_crosses_without_a_copy
  device/test_regression.py::test_memory_has_the_codes_of_dlpack
  op_reg/test_devices.py::test_gpu_tensors_run_on_the_gpu_without_being_asked
D19 one table of dtypes, larger than the ancestors'
  device/test_regression.py::test_dtypes_of_the_ancestors_and_those_they_lacked
  test_dtypes.py::test_element_type_exists_in_the_runtime_with_the_item_size
  launch/test_launchable.py::test_every_dtype_crosses_a_program_bit_by_bit
L1 a loader makes the program for a device; none, or one that makes nothing, is refused
  launch/test_loader.py::test_program_of_a_loader_runs
  launch/test_loader.py::test_missing_loader_is_refused_when_the_program_is_needed
  launch/test_loader.py::test_loader_that_returns_none_is_refused_by_device
L2 text, bytecode and Source are compiled when needed, for either entry point
  launch/test_source.py::test_text_bytes_and_file_are_one_program
  launch/test_source.py::test_bytecode_is_a_source
  launch/test_source.py::test_source_object_runs_without_a_cache_directory
  launch/test_async.py::test_program_of_torch_runs_by_either_function
  launch/test_launchable_store.py::test_flags_are_part_of_the_key
L3 a module that the user loads runs
  launch/test_launchable.py::test_program_of_the_caller_runs
  launch/test_loader.py::test_callback_that_returns_none_is_refused
  op_reg/test_seed_style.py::test_program_is_taken_from_a_module_of_the_user
L4 a directory of stored programs is enough; what is missing is said
  launch/test_launchable_store.py::test_the_one_stored_program_is_loaded
  launch/test_launchable_store.py::test_missing_directory_is_refused_at_once
  launch/test_launchable_store.py::test_empty_directory_says_that_nothing_is_stored
L5 preload compiles, loads and links ahead of the call
  launch/test_launchable.py::test_preload_compiles_ahead_of_the_call
  launch/test_launchable_device.py::test_preloaded_program_does_not_compile_at_the_call
  launch/test_parameters.py::test_program_without_its_parameters_is_refused_at_preload
L6 one binary a device type, one context a thread and place
  launch/test_loader.py::test_module_is_loaded_once_a_device_type
  launch/test_regression.py::test_threads_run_in_contexts_of_their_own
  launch/test_launchable_device.py::test_one_program_runs_on_two_devices_in_turn
L7 programs are stored in files and found again, with a line in the log
  launch/test_launchable_store.py::test_second_launchable_of_a_program_finds_it_stored
  launch/test_launchable_store.py::test_stored_files_hold_source_and_key
  test_tracing.py::test_compiles_and_loads_are_logged_below_our_own_logger
L8 tensors and numbers go in, the device follows from them; what does not fit is refused
  launch/test_launch_arguments.py::test_numbers_and_tensors_mix
  launch/test_launch_arguments.py::test_argument_that_is_no_tensor_or_number_is_refused_by_place
  launch/test_launchable.py::test_tensors_on_two_devices_are_refused
  launch/test_launchable.py::test_call_without_a_tensor_must_name_the_device
  launch/test_launchable.py::test_any_layout_gives_right_results
L9 None, the result, or a list of them come back, of their dtypes, numbers too
  launch/test_launchable.py::test_several_results_are_a_list
  launch/test_launchable.py::test_program_without_a_result_returns_none
  launch/test_launchable.py::test_every_dtype_is_written_by_a_program
  launch/test_launch_arguments.py::test_only_numbers_come_back_in_their_order
L10 parameters come from providers; without them linking fails with IREE's words
  launch/test_parameters.py::test_parameters_come_from_a_file
  launch/test_parameters.py::test_parameters_come_from_several_scopes_and_providers
  launch/test_parameters.py::test_program_without_its_parameters_is_refused_at_preload
I1 a VM function is called, with fences or without, timed, and failing hurts no other
  launch/test_invoke.py::test_function_is_called_and_waited_for
  launch/test_invoke.py::test_time_is_the_difference_of_the_given_clock
  launch/test_invoke.py::test_failed_call_leaves_the_next_one_alone
  op_reg/test_seed_style.py::test_function_is_invoked_by_hand
M1 a program runs on several devices, placed by what it was compiled for
  launch/test_multi_device.py::test_each_part_runs_on_the_device_that_the_program_says
  launch/test_multi_device.py::test_signature_is_that_of_the_seed
  launch/test_multi_device.py::test_compiled_program_comes_as_bytes_or_file
  launch/test_multi_device.py::test_every_dtype_with_an_addition_is_computed
  launch/test_multi_device.py::test_runtime_flags_hold_for_the_devices
  launch/test_multi_device_refusals.py::test_too_few_devices_are_refused_at_once
O1 libraries are made for a namespace, though others define in it too
  op_reg/test_library.py::test_namespace_that_another_package_defined_before
  op_reg/test_library.py::test_namespace_that_another_package_defines_after
  op_reg/test_registration.py::test_asking_twice_for_a_library_is_fine
  op_reg/test_registration.py::test_bare_decorator_registers_in_the_package_namespace
O2 registering returns the torch op, with schema, meta function and kernels
  op_reg/test_registration.py::test_register_returns_the_op_packet
  op_reg/test_registration.py::test_register_impl_off_leaves_only_the_meta_function
  op_reg/test_registration.py::test_register_meta_off_leaves_only_the_kernel
  op_reg/test_registration.py::test_decorator_with_arguments_registers_in_the_library_given
O2a dispatch keys are one, several, or the CPU's and CUDA's
  op_reg/test_library.py::test_dispatch_key_that_serves_cpu_tensors
  op_reg/test_library.py::test_dispatch_key_of_another_device_alone
  test_seed_004_names.py::test_op_reg_name_has_the_seeds_signature
O3 a signature is text or a property; names are made unique; a second of a name is refused
  op_reg/test_library.py::test_signature_may_be_a_property
  op_reg/test_library.py::test_overload_name_is_refused
  op_reg/test_registration.py::test_unique_gives_each_registration_its_own_name
  op_reg/test_registration.py::test_name_is_used_once
O4 select, generate, eager_execute that may decline; all ops are listed
  op_reg/test_call.py::test_eager_execute_comes_first
  op_reg/test_call.py::test_eager_execute_that_declines_falls_to_the_kernel
  op_reg/test_seed_style.py::test_registered_ops_are_listed
  op_reg/test_seed_style.py::test_op_runs_eager
O5 tensors, optional ones, lists and integers are operands, dimensions dynamic at will
  op_reg/test_kernel.py::test_one_kernel_serves_all_sizes
  op_reg/test_kernel.py::test_lists
  op_reg/test_kernel.py::test_optional_tensors
  op_reg/test_kernel.py::test_int_operand_is_64_bits_wide
  op_reg/test_selection.py::test_specialised_dims_are_in_the_key
  op_reg/test_selection.py::test_tensor_type_shows_what_is_specialised
O6 attributes of every kind are compiled in, and in the key
  op_reg/test_attributes.py::test_attribute_reaches_generate_as_python_has_it
  op_reg/test_attributes.py::test_attribute_is_compiled
  op_reg/test_attributes.py::test_optional_attribute_may_be_absent
  op_reg/test_selection.py::test_attributes_that_compare_equal_in_python_have_distinct_keys
O7 results are new tensors, perhaps absent, lists or numbers
  op_reg/test_results.py::test_optional_results_keep_their_places
  op_reg/test_results.py::test_list_result_is_a_list
  op_reg/test_results.py::test_int_result_is_an_int
  op_reg/test_selection.py::test_meta_results_of_a_selection
  op_reg/test_kernel.py::test_kernel_that_yields_more_than_a_specialised_result_stays_inside_it
O8 a variant names a kernel, and is in the key
  op_reg/test_selection.py::test_variant_is_in_the_key
  op_reg/test_selection.py::test_op_is_in_the_key
  op_reg/test_builder.py::test_variants_are_kernels_of_their_own
O9 descriptors have their members
  op_reg/test_contract.py::test_members_of_each_descriptor
  test_seed_004_names.py::test_object_has_the_seeds_member
O9a a selection knows op, arguments, results
  op_reg/test_contract.py::test_selection_knows_its_op_and_its_arguments
  op_reg/test_contract.py::test_bindings_go_with_the_provided_descriptors
  op_reg/test_selection.py::test_provided_descriptors_leave_out_absent_optionals
  op_reg/test_mutation.py::test_tied_arguments_are_in_the_key_and_listed
O10 bindings are None for attributes and leave out absent tensors; arg_value goes by place
  op_reg/test_contract.py::test_bindings_hold_none_for_what_is_compiled_in_and_omit_absent_tensors
  op_reg/test_contract.py::test_value_of_an_argument_goes_by_its_place_in_the_signature
  op_reg/test_contract.py::test_builder_gives_where_ir_goes
  op_reg/test_contract.py::test_argument_without_an_operand_is_named
O11 a kernel is a function in a module of its own
  op_reg/test_builder.py::test_free_function_without_destinations
  op_reg/test_seed_style.py::test_kernel_is_written_apart_from_a_call
O12 an eager call runs where its tensors are; mixed devices are refused
  op_reg/test_devices.py::test_kernel_is_compiled_for_the_device_and_runs_there
  op_reg/test_devices.py::test_gpu_tensors_run_on_the_gpu_without_being_asked
  op_reg/test_devices.py::test_mixed_devices_are_refused
  op_reg/test_call.py::test_op_without_tensor_arguments_runs_on_the_cpu
O13 kernels are compiled once, remembered and stored
  op_reg/test_call.py::test_hit_runs_no_select
  op_reg/test_process.py::test_second_process_compiles_nothing_and_never_loads_the_compiler
  op_reg/test_process.py::test_stored_kernel_is_found_after_kernels_are_forgotten
  op_reg/test_kernel.py::test_other_rank_is_another_kernel
O14 single_dispatch gives the function IREE's pipeline
  op_reg/test_builder.py::test_single_dispatch_compiles
  aot/test_program.py::test_single_dispatch_keeps_its_function_and_pipeline
O15 templates of str.format and Jinja are merged, called, and shown with numbers when wrong
  op_reg/test_loader.py::test_op_of_a_format_template
  op_reg/test_loader.py::test_op_of_a_jinja_template
  op_reg/test_loader.py::test_call_of_a_function_takes_the_results_as_a_list
  op_reg/test_loader_errors.py::test_text_that_does_not_parse_shows_numbered_lines
O16 compiles and launches are written to a trace directory, with their files
  test_tracing.py::test_compile_is_an_event_with_its_files
  test_tracing.py::test_launch_of_an_op_is_an_event
  test_trace_files.py::test_environment_switches_it_on
  ops/test_iree.py::test_traces_are_saved
1.4-expand calls of ops in an imported program become kernels
  op_reg/test_expand.py::test_all_functions_are_expanded_and_other_operators_left
  op_reg/test_expand_sizes.py::test_a_size_that_select_fixes_is_refused
  op_reg/test_expand.py::test_an_integer_of_the_program_is_an_operand
  op_reg/test_expand.py::test_missing_operands_are_the_defaults
  op_reg/test_expand_sizes.py::test_sizes_that_select_compares_are_asserted
1.4-inline-builder a kernel is written into the program, its types cast to what was specialised
  op_reg/test_expand.py::test_a_builder_writes_a_kernel_in_place
  aot/test_agreement.py::test_all_dimensions_may_be_specialised
1.4-aot-export modules and functions are exported, with dynamic shapes, to the bits of eager calls
  aot/test_agreement.py::test_an_op_is_one_in_all_ways
  aot/test_agreement.py::test_a_dynamic_program_runs_at_other_sizes
  aot/test_catalogue_agreement.py::test_a_catalogue_op_has_the_same_bits_in_all_four_ways
  op_reg/test_seed_style.py::test_op_runs_exported
1.4-aot-parameters parameters are left out of a program, and loaded from archives beside it
  aot/test_parameters.py::test_external_parameters_are_named_as_in_the_state_dict
  aot/test_parameters.py::test_parameters_saved_in_an_archive_are_loaded
  aot/test_parameters.py::test_parameters_are_loaded_from_safetensors
1.4-aot-save-and-compile a program is saved as text and compiled to a file
  aot/test_program.py::test_the_text_is_saved_and_is_a_program
  aot/test_program.py::test_a_vmfb_is_written_and_runs
  aot/test_program.py::test_a_program_compiles_for
1.4-ops-trace trace_tensor calls back in eager and compiled calls, and prints in programs
  ops/test_iree.py::test_a_trace_calls_back
  ops/test_iree.py::test_a_trace_survives_compile_on_each_call
  ops/test_iree.py::test_a_trace_is_in_the_program_and_prints
1.4-ops-transfer transfers and barriers name their device, and run on several
  ops/test_iree.py::test_transfers_and_barriers_name_their_device
  ops/test_iree.py::test_a_program_on_two_devices_runs
  ops/test_iree.py::test_a_moniker_that_is_no_symbol_is_refused
1.4-ops-compute-barrier compute barriers are identities that reach the program
  ops/test_iree.py::test_compute_barriers_are_in_the_program_and_run
  ops/test_iree.py::test_eager_and_compiled_they_are_identities
"""

ROWS: dict[str, Row] = read_rows(FEATURES.strip() + FAULTS)
"""Every feature and fault by its name: `D1`, `L10`, `2.3-f64`."""
