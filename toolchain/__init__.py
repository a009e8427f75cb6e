"""Gets what a machine lacks to run Pulumi programs on Docker, into `.toolchain/` and `.venv/`."""
