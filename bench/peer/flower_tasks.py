"""Flower with many tasks in its memory, as it keeps them over a restart: flower_tasks.py TASKS FILE

They are counted in by Flower's own record of Celery's events, and stored by its own way of storing it.
"""

import shelve
import sys
import time
import uuid

from flower.events import EventsState  # type: ignore[import-not-found]

WORKERS = 40
RUN_SECONDS = 8.0
TASKS_A_SECOND = 20.0
DEAD = 10  # of 1,000


def fill(state: EventsState, tasks: int) -> None:
    begin = time.time() - tasks / TASKS_A_SECOND
    for number in range(tasks):
        at = begin + number / TASKS_A_SECOND
        about = {
            "uuid": str(uuid.UUID(int=number)),
            "hostname": f"celery@node{number % WORKERS}",
            "clock": number,
            "pid": 1,
        }
        ended = {"type": "task-succeeded", "result": "None", "runtime": RUN_SECONDS}
        if number % 1000 < DEAD:
            ended = {"type": "task-failed", "exception": "exit 1", "traceback": "exit 1\n" * 200}
        name = "celery_jobs.job"
        for event, seconds in (
            (
                {"type": "task-received", "name": name, "args": "('abc', '0')", "kwargs": "{}", "retries": 0},
                0.0,
            ),
            ({"type": "task-started"}, 0.0),
            (ended, RUN_SECONDS),
        ):
            when = at + seconds
            state.event({**about, **event, "timestamp": when, "local_received": when, "utcoffset": 0})


def main() -> None:
    tasks, file = int(sys.argv[1]), sys.argv[2]
    state = EventsState(max_tasks_in_memory=tasks)
    fill(state, tasks)
    with shelve.open(file, flag="n") as kept:
        kept["events"] = state
        kept["counter"] = dict(state.counter)


if __name__ == "__main__":
    main()
