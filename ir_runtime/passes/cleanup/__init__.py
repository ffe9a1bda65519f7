"""Passes that bring a graph into its simplest form: fewer views, one form for one meaning."""
