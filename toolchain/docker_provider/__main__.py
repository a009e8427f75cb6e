"""Run by the engine as ``pulumi-resource-docker ENGINE_ADDRESS``: prints its port, serves until it is told to end."""

import sys

from .server import serve

serve(sys.argv[1:])
