"""Ops of the category `quant`."""
