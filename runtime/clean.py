"""The operator's command that cleans up on the share: products, job folders, records of ended jobs, history.

It works where the share is: in a container, or from the operator's machine by ssh in the status service's.
"""

import argparse
import http.client
import json
import os
import re
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime import names
from runtime.cli import cleaning, stack
from runtime.cli.cleaning import Plan, Share
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
)
from runtime.cli.status_client import NoStatus, Refused, StatusClient, has_jobs, status_client
from runtime.environment import SettingError, address
from runtime.oodt.catalogue import Catalogue

PARTS = ("products", "jobs", "ledger", "history")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
EXAMPLES_SHOWN = 3
# What ssh ends with where it does not get through; else it ends as the command there does.
SSH_FAILED = 255
# The container of the status service, on the node that its operator logs in to.
IN_CONTAINER = (
    f"docker exec $(docker ps --quiet --filter label=com.docker.swarm.service.name={names.STATUS_SERVICE}"
    " | head -n 1) python -m runtime.clean"
)


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    made = _parser()
    options = made.parse_args(given)
    if unknown := sorted(set(options.parts) - set(PARTS)):
        made.error(f"PART is {unknown[0]!r}: use {', '.join(PARTS)}")
    try:
        with limited(options.timeout):
            if os.environ.get(names.OODT_ARCHIVE):
                return _here(options)
            return _there(given)
    except TimedOut as error:
        return complain(f"{error}; run the same command again to go on", TIMED_OUT)
    except (stack.NoAnswer, SettingError) as error:
        return complain(str(error), BAD_INPUT)


def _there(arguments: Sequence[str]) -> int:
    """Run the same command in the status service's container."""
    login = shlex.split(stack.output(names.SSH_OUTPUT, variable=names.OODT_ARCHIVE))
    line = [*login, f"{IN_CONTAINER} {shlex.join(arguments)}"]
    try:
        code = subprocess.run(line, check=False).returncode
    except OSError as error:
        return complain(f"{login[0]} cannot be run: {error}: install it", NO_BROKER)
    if code == SSH_FAILED:
        return complain(f"the manager lets nobody in; try: {shlex.join(login)}", NO_BROKER)
    return code


def _here(options: argparse.Namespace) -> int:
    share = _share(os.environ)
    catalogue = Catalogue(_file_manager(os.environ))
    parts = options.parts or PARTS
    try:
        client, busy = _status(parts)
        plan = cleaning.plan(share, catalogue, parts=parts, age=options.older_than, busy=busy)
        if options.yes:
            cleaning.carry_out(plan, share, catalogue)
        history = None
        if "history" in parts and client and options.yes:
            history = client.forget(int(plan.horizon))
    except NoStatus as error:
        return complain(str(error), NO_BROKER)
    except SettingError:
        raise
    except (OSError, ValueError, Refused, xmlrpc.client.Error, http.client.HTTPException) as error:
        return complain(f"not all is done: {error}", SOME_FAILED)
    result = _result(plan, done=options.yes, history=history)
    with output(sys.stdout):
        if options.json:
            print(json.dumps(result))
        else:
            _tell(plan, result, share)
    return DONE


def _share(env: Mapping[str, str]) -> Share:
    if not env.get(names.OODT_JOBS):
        raise SettingError(
            f"{names.OODT_ARCHIVE} is set and {names.OODT_JOBS} is not: set it to the jobs' folder, "
            f"or neither of them, to clean the cluster of the stack"
        )
    ledger = env.get(names.OODT_LEDGER) or names.LEDGER_DIR
    return Share(archive=Path(env[names.OODT_ARCHIVE]), jobs=Path(env[names.OODT_JOBS]), ledger=Path(ledger))


def _file_manager(env: Mapping[str, str]) -> str:
    name = names.PROXIED_FILEMGR_URL if env.get(names.PROXIED_FILEMGR_URL) else names.FILEMGR_URL
    return address(env, name, default=names.DEFAULT_FILEMGR_URL, schemes=("http", "https"))


def _status(parts: Sequence[str]) -> tuple[StatusClient | None, set[str] | None]:
    """The status service, and the events of which the broker has jobs, as far as these parts need them."""
    if not {"history", "ledger"} & set(parts):
        return None, None
    client = status_client()
    overview = client.overview()
    if overview["broker"]["problem"]:
        return client, None
    return client, {queue["event"] for queue in overview["queues"] if has_jobs(queue)}


def _result(plan: Plan, *, done: bool, history: int | None) -> dict[str, Any]:
    return {
        "done": done,
        "until": plan.horizon,
        "unfinished": plan.unfinished,
        "products": {
            "files": len(plan.products.paths),
            "bytes": plan.products.size,
            "catalogue": len(plan.catalogue),
        },
        "jobs": {"entries": len(plan.jobs.paths)},
        "ledger": {"records": len(plan.ledger.paths)},
        "history": {"jobs": history},
    }


def _tell(plan: Plan, result: Mapping[str, Any], share: Share) -> None:
    products = result["products"]
    size = f"{products['bytes'] / 1e6:.1f} MB"
    for root, part, text in (
        (share.archive, plan.products, f"files, {size}, {products['catalogue']} catalogue entries"),
        (share.jobs, plan.jobs, "job folders"),
        (share.ledger, plan.ledger, "records of jobs that have ended"),
    ):
        print(f"{root}: {len(part.paths)} {text}")
        for path in part.paths[:EXAMPLES_SHOWN]:
            print(f"  {path}")
        if len(part.paths) > EXAMPLES_SHOWN:
            print("  ...")
    if result["history"]["jobs"] is not None:
        print(f"history: {result['history']['jobs']} jobs")
    if plan.unfinished:
        print(f"{plan.unfinished} jobs have not ended: what is newer than the oldest of them stays")
    print("done" if result["done"] else "nothing was deleted: add --yes to do it")


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "clean",
        "Delete products (files and catalogue entries), job folders, records and history of jobs that have "
        "ended. Without --yes it only tells what would go. A batch that is submitted again after its "
        "records are gone runs again.",
        "",
        "--yes",
        "jobs ledger history --older-than 7d --yes",
    )
    made.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"what to clean: {', '.join(PARTS)}; all of them unless said",
    )
    made.add_argument(
        "--older-than",
        type=_age,
        default=0.0,
        metavar="AGE",
        help="only what is older, such as 90m, 12h or 7d",
    )
    made.add_argument("--yes", action="store_true", help="do it")
    return made


def _age(text: str) -> float:
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age: write it like 90m, 12h or 7d")
    return float(int(found[1]) * UNITS[found[2]])


if __name__ == "__main__":
    run(main)
