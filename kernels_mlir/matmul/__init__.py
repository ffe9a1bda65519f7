"""Ops of the category `linear`."""
