"""Gated MLPs: their structure, and their projections as one product."""
