"""What passes found: the record of a run and of a pipeline, where it is kept, what was expected."""
