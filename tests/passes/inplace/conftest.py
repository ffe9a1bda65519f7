"""A library of its own for each test that registers IR ops."""

from tests.ir.conftest import library  # noqa: F401
