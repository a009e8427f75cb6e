"""Run by the engine as ``pulumi-resource-docker ENGINE``: prints its port and serves until told to end."""

import sys

from .server import serve

serve(sys.argv[1:])
