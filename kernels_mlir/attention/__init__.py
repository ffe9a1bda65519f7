"""Ops of the category `attention`."""
