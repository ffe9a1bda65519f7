"""Lowering: each IR op of a graph becomes the call of its provider."""
