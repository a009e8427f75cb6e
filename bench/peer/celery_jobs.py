"""Celery's way of running the example's jobs: the same two programs in turn, without OODT.

celery --app celery_jobs worker          with BROKER_URL, PGE (the program) and WORK_DIR in the environment;
                                             CONFIRM there makes it wait for the broker
python celery_jobs.py run JOBS SECONDS   prints the seconds from the first submit to the last result
python celery_jobs.py enqueue JOBS       prints the seconds that submitting took
"""

import os
import subprocess
import sys
import time
import uuid

import celery

PROGRAM_SECONDS = 60
RESULT_SECONDS = 600

app = celery.Celery("celery_jobs", broker=os.environ["BROKER_URL"], backend="rpc://")
app.conf.update(
    task_acks_late=True,  # as the cluster: a job that its worker did not finish is not lost
    worker_prefetch_multiplier=1,
    task_default_queue="celery-peer",
    broker_transport_options={"confirm_publish": "CONFIRM" in os.environ},
)


@app.task  # type: ignore[untyped-decorator]
def job(run: str, seconds: str) -> None:
    """Two programs in turn; the second reads what the first has written."""
    folder = os.path.join(os.environ["WORK_DIR"], run)
    os.makedirs(folder)
    program = f"python3 -S '{os.environ['PGE']}' seconds={seconds} size_mb=1"
    first, second = os.path.join(folder, "1.dat"), os.path.join(folder, "2.dat")
    for command in (f"{program} out='{first}'", f"{program} in='{first}' out='{second}'"):
        done = ["/bin/bash", "-c", command]
        subprocess.run(done, check=True, timeout=PROGRAM_SECONDS, stdout=subprocess.DEVNULL)


def run(jobs: int, seconds: str) -> float:
    job.delay(uuid.uuid4().hex, "0").get(timeout=RESULT_SECONDS)  # the workers are up
    started = time.monotonic()
    results = [job.delay(uuid.uuid4().hex, seconds) for _ in range(jobs)]
    for result in results:
        result.get(timeout=RESULT_SECONDS)
    return time.monotonic() - started


def enqueue(jobs: int) -> float:
    with app.connection_or_acquire() as connection:
        connection.ensure_connection(timeout=PROGRAM_SECONDS)
    started = time.monotonic()
    for number in range(jobs):
        job.apply_async((str(number), "0"), ignore_result=True)
    return time.monotonic() - started


if __name__ == "__main__":
    if sys.argv[1] == "run":
        print(run(int(sys.argv[2]), sys.argv[3]))
    else:
        print(enqueue(int(sys.argv[2])))
