"""Looks at an account, all at once and within one limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from infra import patience
from infra.aws.preflight.facts import Fact, NotRead

LIMIT = 8  # seconds for all facts: the whole preflight promises ten


def looked(looks: Mapping[str, Callable[[], Any]]) -> dict[str, Fact[Any]]:
    """What each look finds, in a thread of its own.

    Those that still wait at the limit are left to their own limits.
    """
    limit = patience.stretched(LIMIT)
    found: dict[str, Fact[Any]] = {}

    def look_up(name: str, look: Callable[[], Any]) -> None:
        try:
            found[name] = Fact(value=look())
        except NotRead as problem:
            found[name] = Fact(failure=str(problem))
        except Exception as problem:  # an answer of another form than AWS documents
            found[name] = Fact(failure=f"the answer is not understood ({problem!r})")

    threads = [
        threading.Thread(target=look_up, args=(name, look), daemon=True) for name, look in looks.items()
    ]
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Fact[Any](failure=f"there was no answer within {limit:g} s")
    return {name: found.get(name, late) for name in looks}
