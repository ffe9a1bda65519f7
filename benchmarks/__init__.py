"""Numbers that the project promises, each beside a peer measured in the same process."""
