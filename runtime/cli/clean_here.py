"""Cleans up where the share is mounted: deletes or only counts, and shows what went or would go."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pika.exceptions import AMQPError

from runtime import names
from runtime.cli import cleaning, dead_jobs, places
from runtime.cli.addresses import broker_url
from runtime.cli.cleaning import Cleaned, Horizon, Part
from runtime.cli.places import Share
from runtime.cli.results import Result, SomeFailed
from runtime.cli.rights import rights_in
from runtime.cli.status_client import Refused, StatusClient, has_jobs, status_client
from runtime.environment import SettingError
from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager


def clean(parts: Sequence[str], *, older_than: float, really: bool) -> Result:
    """Delete what can go of these parts, or only tell; raises SettingError, NoStatus, SomeFailed."""
    share, url = places.share(), places.file_manager()

    async def clean_share() -> Cleaned:
        async with xml_rpc.session() as session:
            return await cleaning.clean(
                share,
                FileManager(session, url),
                parts=parts,
                until=horizon,
                busy=busy,
                waiting=waiting,
                really=really,
            )

    try:
        client, overview = _status(parts)
        busy = _busy(overview)
        horizon = cleaning.horizon(share, age=older_than)
        dead = Part()
        events = [queue["event"] for queue in overview["queues"]] if overview else []
        if "dead" in parts:
            with rights_in(share.ledger, ledger=share.ledger):
                dead_jobs.discard(broker_url(), events, share.ledger, dead, until=horizon.at, really=really)
        known = "ledger" in parts and busy is not None
        waiting = dead_jobs.named(broker_url(), events) if known else None
        cleaned = replace(asyncio.run(clean_share()), dead=dead)
        history = None
        if "history" in parts and client and really:
            history = client.forget(int(horizon.at))
    except SettingError:
        raise
    except (OSError, ValueError, Refused, xml_rpc.Fault, AMQPError) as error:
        raise SomeFailed(f"not all is done: {str(error) or type(error).__name__}") from error
    answer = _answer(cleaned, horizon, done=really, history=history)
    return Result(answer=answer, show=lambda: _show(parts, cleaned, answer, share, horizon))


def _status(parts: Sequence[str]) -> tuple[StatusClient | None, dict[str, Any] | None]:
    """The status service and its overview; None if these parts need neither."""
    if not {"history", "ledger", "dead"} & set(parts):
        return None, None
    client = status_client()
    return client, client.overview()


def _busy(overview: Mapping[str, Any] | None) -> set[str] | None:
    """The events that the broker has jobs of; None if that is not known."""
    if overview is None or overview["broker"]["problem"]:
        return None
    return {queue["event"] for queue in overview["queues"] if has_jobs(queue)}


def _answer(cleaned: Cleaned, horizon: Horizon, *, done: bool, history: int | None) -> dict[str, Any]:
    return {
        "done": done,
        "until": horizon.at,
        "unfinished": horizon.unfinished,
        "products": {
            "files": cleaned.products.count,
            "bytes": cleaned.products.size,
            "catalogue": cleaned.catalogue,
        },
        "jobs": {"entries": cleaned.jobs.count},
        "logs": {"runs": cleaned.logs.count},
        "ledger": {"records": cleaned.ledger.count},
        "history": {"jobs": history},
        "dead": {"messages": cleaned.dead.count},
    }


def _show(
    parts: Collection[str], cleaned: Cleaned, answer: Mapping[str, Any], share: Share, horizon: Horizon
) -> None:
    """Tell of these PARTS. That nothing of another would go is not known."""
    products = answer["products"]
    size = f"{products['bytes'] / 1e6:.1f} MB"
    rows: dict[str, tuple[object, Part, str]] = {
        "products": (
            *(share.archive, cleaned.products),
            f"files, {size}, {products['catalogue']} catalogue entries",
        ),
        "jobs": (share.jobs, cleaned.jobs, "job folders"),
        "logs": (share.jobs / names.RUN_LOGS, cleaned.logs, "runs with full logs"),
        "ledger": (share.ledger, cleaned.ledger, "records of jobs that have ended"),
        "dead": ("queues", cleaned.dead, "messages of dead jobs"),
    }
    for root, part, text in (row for name, row in rows.items() if name in parts):
        print(f"{root}: {part.count} {text}")
        for path in part.examples:
            print(f"  {path}")
        if part.count > len(part.examples):
            print("  ...")
    if answer["history"]["jobs"] is not None:
        print(f"history: {answer['history']['jobs']} jobs")
    if horizon.unfinished:
        goes = ""
        if {"jobs", "logs"} & set(parts):
            by = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(horizon.ended))
            goes = f", but for folders and logs of jobs that had ended by {by}"
        print(f"{horizon.unfinished} jobs have not ended: what is newer than the oldest of them stays{goes}")
    print("done" if answer["done"] else "nothing was deleted: add --yes to do it")
