"""Writes a sheet of numbers, and who wrote it. The station "mute" never answers."""

import os
import subprocess
import sys

if "_mute_" in sys.argv[1]:
    print("asking station mute", flush=True)
    subprocess.Popen(["sleep", "7001"], start_new_session=True)
    subprocess.run("(setsid sleep 7002 &); exec sleep 7003", shell=True, check=False)

with open(sys.argv[1], "w") as sheet:
    print("uid", os.getuid(), sep=",", file=sheet)
