"""Ops that speak to the compiler rather than compute."""
