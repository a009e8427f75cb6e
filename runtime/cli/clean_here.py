"""Cleans up where the share is mounted: plans, deletes, and shows what went or would go."""

import http.client
import os
import xmlrpc.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime import names
from runtime.cli import cleaning
from runtime.cli.cleaning import Plan, Share
from runtime.cli.results import Result, SomeFailed
from runtime.cli.status_client import Refused, StatusClient, has_jobs, status_client
from runtime.environment import SettingError, address
from runtime.oodt.catalogue import Catalogue

EXAMPLES_SHOWN = 3


def clean(parts: Sequence[str], *, older_than: float, really: bool) -> Result:
    """Delete what can go of these parts, or only tell; raises SettingError, NoStatus, SomeFailed."""
    share = _share(os.environ)
    catalogue = Catalogue(_file_manager(os.environ))
    try:
        client, busy = _status(parts)
        plan = cleaning.plan(share, catalogue, parts=parts, age=older_than, busy=busy)
        if really:
            cleaning.carry_out(plan, share, catalogue)
        history = None
        if "history" in parts and client and really:
            history = client.forget(int(plan.horizon))
    except SettingError:
        raise
    except (OSError, ValueError, Refused, xmlrpc.client.Error, http.client.HTTPException) as error:
        raise SomeFailed(f"not all is done: {error}") from error
    answer = _answer(plan, done=really, history=history)
    return Result(answer=answer, show=lambda: _show(plan, answer, share))


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


def _answer(plan: Plan, *, done: bool, history: int | None) -> dict[str, Any]:
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


def _show(plan: Plan, answer: Mapping[str, Any], share: Share) -> None:
    products = answer["products"]
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
    if answer["history"]["jobs"] is not None:
        print(f"history: {answer['history']['jobs']} jobs")
    if plan.unfinished:
        print(f"{plan.unfinished} jobs have not ended: what is newer than the oldest of them stays")
    print("done" if answer["done"] else "nothing was deleted: add --yes to do it")
