"""Ops of the category `rope`."""
