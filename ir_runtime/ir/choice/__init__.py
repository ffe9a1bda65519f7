"""The choice of a provider: the lists in force, the code generated for them, and the reasons."""
