"""Ops that choose tokens."""
