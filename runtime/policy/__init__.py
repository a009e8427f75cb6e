"""Checks workflows before anything runs them. OODT calls the files that describe them a policy."""
