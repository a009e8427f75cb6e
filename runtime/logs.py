"""Logging of the runtime's processes: one line an entry on stderr, where docker collects it."""

import logging


def configure() -> None:
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    # pika reports each failed connection in a dozen lines; runtime.broker says the same in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
