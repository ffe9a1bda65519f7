"""Ops of the category `activation`."""
