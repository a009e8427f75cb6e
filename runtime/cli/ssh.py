"""How long ssh waits for a manager, in whatever way a command uses it."""

CONNECT_SECONDS = 10
ALIVE_SECONDS = 15  # after three of these without an answer, ssh gives up


def limits(patience: float) -> list[str]:
    """Options of the ssh command; PATIENCE is the factor of its time limits."""
    seconds = {"ConnectTimeout": CONNECT_SECONDS, "ServerAliveInterval": ALIVE_SECONDS}
    return [f"-o{key}={value * patience:.0f}" for key, value in seconds.items()]
