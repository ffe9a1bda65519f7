"""operand."""
