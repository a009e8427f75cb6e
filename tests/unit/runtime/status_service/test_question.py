"""An answer reaches all who wait for it."""

import asyncio

from runtime.status_service.question import Question


def test_an_answer_that_came_is_not_lost_when_another_asks_anew_before_it_is_read() -> None:
    async def story() -> int | None:
        asked = 0
        again: list[asyncio.Task[int | None]] = []

        async def ask() -> int:
            nonlocal asked
            asked += 1
            if asked > 1:
                await asyncio.Event().wait()
            # It runs when this has ended, and before the one who waits goes on.
            loop.call_soon(lambda: again.append(asyncio.create_task(question.answer())))
            return asked

        loop = asyncio.get_running_loop()
        question = Question(ask)
        answer = await question.answer()
        assert len(again) == 1
        return answer

    assert asyncio.run(story()) == 1
