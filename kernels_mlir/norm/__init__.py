"""Ops of the category `norm`."""
