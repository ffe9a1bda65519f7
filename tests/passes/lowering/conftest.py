"""Ops of a test, in a library of its own."""

from tests.ir.conftest import library  # noqa: F401
