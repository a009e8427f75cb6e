"""Who types the commands, for the record of what was done."""

import getpass
import socket


def who() -> str:
    """User and machine, in letters that an HTTP header takes."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, in a container
        user = "somebody"
    return f"{user}@{socket.gethostname()}".encode("ascii", "replace").decode()
