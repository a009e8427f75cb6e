"""The consumer's inside: from a job's message to its verdict."""
