"""Read the host function of a compiled program, in IREE's HAL phase, into plain data.

`program.py` defines that data, `read_program.py` is the entry point, and `program_json.py` the
stored form. `function_reader.py` reads the operations of a host function; `command_reader.py` reads
its dispatches and copies. `scratch_operand.py` finds operands that a program overwrites.
"""
