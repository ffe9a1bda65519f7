"""Layers whose weights are shared by the ranks of a process group (tensor parallel)."""
