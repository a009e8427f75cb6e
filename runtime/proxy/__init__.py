"""The gateway's inside: which calls it records, which it passes on, and to whom."""
