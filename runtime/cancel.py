"""The operator's command that cancels jobs or batches, queued or running."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from runtime.cli.command import (
    BAD_INPUT,
    DONE,
    NO_BROKER,
    SOME_FAILED,
    TIMED_OUT,
    TimedOut,
    complain,
    limited,
    output,
    parser,
    run,
    word,
)
from runtime.cli.status_client import NoStatus, Refused, StatusClient, status_client
from runtime.environment import SettingError


def main(arguments: Sequence[str] | None = None) -> int:
    made = _parser()
    options = made.parse_args(arguments)
    if options.batch and options.event:
        made.error("--event goes with --job: leave it out")
    result: dict[str, Any]
    try:
        with limited(options.timeout):
            client = status_client()
            result = (
                _batch(client, options.batch) if options.batch else _jobs(client, options.job, options.event)
            )
    except (Refused, SettingError) as error:
        return complain(str(error), BAD_INPUT)
    except NoStatus as error:
        return complain(str(error), NO_BROKER)
    except TimedOut as error:
        return complain(f"{error}; run the same command again to go on", TIMED_OUT)
    too_late = [job for job in result.get("jobs", []) if job["state"] != "CANCELLED"]
    with output(sys.stdout):
        if options.json:
            print(json.dumps(result))
        elif options.batch:
            print(f"batch {options.batch}: {result['stopped']} jobs that had begun, and all that had not")
        else:
            for job in result["jobs"]:
                print(f"{job['job']}: {job['state'].lower()}{' already' if job in too_late else ''}")
    return SOME_FAILED if too_late else DONE


def _batch(client: StatusClient, batch: str) -> dict[str, Any]:
    return {"batch": batch, "stopped": client.cancel_batch(batch)}


def _jobs(client: StatusClient, jobs: Sequence[str], event: str | None) -> dict[str, Any]:
    cancelled = []
    for job in jobs:
        name = event or client.find(job, None)["event"]
        cancelled.append({"job": job, "event": name, "state": client.cancel_job(name, job)})
    return {"jobs": cancelled}


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "cancel",
        "Cancel jobs, or all of a batch that has not ended. Running ones are stopped in seconds, their "
        "programs killed and their products removed. Queued ones end when their turn comes. Exit code 1: a "
        "job had ended before.",
        "--batch 20260105-101500-3f2a1c",
        "--job 20260105-101500-3f2a1c.7 --job 20260105-101500-3f2a1c.8",
    )
    subject = made.add_mutually_exclusive_group(required=True)
    subject.add_argument("--batch", type=word, metavar="ID", help="cancel what has not ended of this batch")
    subject.add_argument(
        "--job", type=word, metavar="ID", action="append", help="cancel this job; repeat it for more"
    )
    made.add_argument(
        "--event", type=word, help="with --job: its event, needed where the job belongs to no batch"
    )
    return made


if __name__ == "__main__":
    run(main)
