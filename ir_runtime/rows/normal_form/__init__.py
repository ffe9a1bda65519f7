"""The rules by which torch's operators become the values of a row kernel."""
