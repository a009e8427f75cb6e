"""The first day of target aws on a real account: what happens to a cluster there, and a report of it."""
