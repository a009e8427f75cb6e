"""The parts of the gateway: which calls it records, which it passes on, and where to."""
