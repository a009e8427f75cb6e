"""Questions to what may not answer, such as a share whose server is away."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

ANSWER_SECONDS = 5.0

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """One that may be asked again and again. Nobody waits long for the answer."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, Answer]]) -> None:
        self._ask = ask
        # One that is not answered keeps a thread, and is not asked again meanwhile.
        self._asked: asyncio.Task[Answer] | None = None

    async def answer(self) -> Answer | None:
        """The answer; None if there is none within ANSWER_SECONDS. Raises what ASK raises."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._ask())
        # Another may ask again before this one goes on.
        asked = self._asked
        await asyncio.wait([asked], timeout=ANSWER_SECONDS)
        return asked.result() if asked.done() else None
