"""Sizes of the nodes' disks: a root disk, and one of its own for docker's data."""

ROOT_SIZE = 100  # GiB
DATA_SIZE = 100  # GiB
VOLUME_TYPE = "gp3"
