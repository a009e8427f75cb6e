"""Flower beside the console: its pages with as many tasks as it keeps by default."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench import peers
from bench.batch import PEER
from bench.views import Site
from testing.ports import free_port
from testing.waiting import until

# The most that Flower keeps, unless it is told otherwise.
TASKS = 100_000
FILL_SECONDS = 900
START_SECONDS = 300
STOP_SECONDS = 30
TABLE = {
    "draw": 1,
    "length": 50,
    "order[0][column]": 7,
    "order[0][dir]": "desc",
    "columns[7][data]": "started",
}


@contextmanager
def running(folder: Path, broker_url: str) -> Iterator[Site]:
    """Flower, with TASKS tasks of an earlier run of it."""
    file, port = folder / "flower", free_port()
    environment = {"BROKER_URL": broker_url, "PGE": "", "WORK_DIR": ""}
    fill = [str(peers.PYTHON), "flower_tasks.py", str(TASKS), str(file)]
    subprocess.run(fill, cwd=PEER, check=True, timeout=FILL_SECONDS)
    command = [str(peers.PYTHON), "-m", "celery", "--app", "celery_jobs", "flower", "--address=127.0.0.1"]
    options = [f"--port={port}", "--persistent=True", f"--db={file}", f"--max-tasks={TASKS}"]
    with open(folder / "flower.log", "wb") as log:
        process = subprocess.Popen([*command, *options], cwd=PEER, env=environment, stdout=log, stderr=log)
    try:
        until(
            lambda: b"Visit me" in (folder / "flower.log").read_bytes(), seconds=START_SECONDS, what="Flower"
        )
        yield Site(pid=process.pid, port=port, paths=_paths(), headers={})
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _paths() -> dict[str, str]:
    def table(start: int, **more: str) -> str:
        return f"/tasks/datatable?{urlencode({**TABLE, 'start': start, **more})}"

    return {
        "tasks": table(0),
        "tasks, half-way back": table(TASKS // 2),
        "tasks by state": table(0, **{"search[value]": "state:FAILURE"}),
        "a task": "/task/00000000-0000-0000-0000-000000000005",
        "workers": "/workers",
    }
