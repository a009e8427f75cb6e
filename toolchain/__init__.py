"""Gets what a machine lacks to run Pulumi programs on Docker: everything goes into `.toolchain/` and `.venv/`."""
