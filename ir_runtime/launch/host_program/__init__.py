"""host_program."""
