"""Ops that tell the compiler about devices and fusion, instead of computing a value."""
