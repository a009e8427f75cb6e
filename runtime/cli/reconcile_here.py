"""Compares queues, ledger, catalogue and archive where the share is mounted, and mends on request."""

import asyncio
import time
from collections.abc import Collection

from pika.exceptions import AMQPError

from runtime import names
from runtime.cli import cleaning, messageless, places
from runtime.cli.addresses import broker_url
from runtime.cli.catalogued import TELL_EACH, Comparison
from runtime.cli.findings import Findings
from runtime.cli.messageless import Suspects, note
from runtime.cli.places import Share
from runtime.cli.results import DONE, SOME_FAILED, Result, SomeFailed
from runtime.cli.rights import rights_in
from runtime.cli.status_client import status_client
from runtime.cli.terminal import tell
from runtime.environment import SettingError
from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.records.ledger import Ledger
from runtime.records.nofollow import NoFollowFolder


def reconcile(mend: Collection[str]) -> Result:
    """Tell what does not agree, and mend these kinds; raises CliError, SettingError."""
    share, url = places.share(), places.file_manager()
    broker, client = broker_url(), status_client()
    findings = Findings(mend=frozenset(mend))
    ledger = Ledger(share.ledger, node="reconcile", lease=names.DEFAULT_LEASE_SECONDS)

    async def compare() -> Suspects:
        async with xml_rpc.session() as session:
            return await compared(share, ledger, FileManager(session, url), findings)

    try:
        with rights_in(share.ledger, ledger=share.ledger):
            suspects = asyncio.run(compare())
            messageless.look(broker, client, ledger, suspects, findings)
    except SettingError:
        raise
    except (OSError, ValueError, xml_rpc.Fault, AMQPError) as error:
        findings.broke_off = True
        raise SomeFailed(
            f"not all was compared: {str(error) or type(error).__name__}", result=_result(findings)
        ) from error
    return _result(findings)


async def compared(share: Share, ledger: Ledger, file_manager: FileManager, findings: Findings) -> Suspects:
    """Compare what is on the share and in the catalogue; the jobs that may have to be sent again."""
    until = min(cleaning.horizon(share, age=0).at, time.time() - cleaning.MARGIN_SECONDS)
    with NoFollowFolder(share.archive) as archive:
        comparison = Comparison(archive, ledger, file_manager, findings, until=until)
        await comparison.products()
        await comparison.files()
        return await _jobs(share, ledger, comparison)


async def _jobs(share: Share, ledger: Ledger, comparison: Comparison) -> Suspects:
    suspects = Suspects()
    cleaned = ledger.cleaned()
    for number, (path, history) in enumerate(cleaning.records(share.ledger), start=1):
        if number % TELL_EACH == 0:
            tell(f"ledger: {number} jobs")
        (event, job), last = path.parts, history[-1]
        about = (event, job, len(history))
        if last["kind"] != "verdict":
            if not ledger.has_worker(event, job, history):
                note(suspects.messages, *about)
        elif last["state"] == "DEAD" and not ledger.is_discarded(event, job):
            note(suspects.dead, *about)
        elif last["state"] == "SUCCEEDED" and (last["started"] or last["ended"]) > cleaned:
            if ledger.is_deleted(event, job):
                continue
            for product in last["products"]:
                if await comparison.lacks(product):
                    note(suspects.incomplete, *about)
                    break
    return suspects


def _result(findings: Findings) -> Result:
    code = DONE if findings.agree else SOME_FAILED
    return Result(answer=findings.answer(), show=findings.show, code=code)
