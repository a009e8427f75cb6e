"""The process that takes jobs from the queues of this container's events.

python -m runtime.consumer, or python -m runtime.consumer pull QUEUE MAX
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from runtime import machine, names
from runtime.messaging.broker import Broker
from runtime.messaging.topology import topology
from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.oodt.workflow_manager import WorkflowManager
from runtime.process import run_process
from runtime.records.journal import Journals
from runtime.records.ledger import Ledger
from runtime.records.pauses import Pauses
from runtime.worker import metrics
from runtime.worker.course import Course
from runtime.worker.intake import Intake
from runtime.worker.leases import Leases
from runtime.worker.reports import Reports
from runtime.worker.runner import Runner
from runtime.worker.settings import WorkerSettings, worker_settings
from runtime.worker.taking import Taking

# Time for the last acknowledgements before the supervisor kills this process.
STOP_MARGIN_SECONDS = 5.0


async def consume(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Take and run jobs until STOP is set, then finish those that run."""
    journals = Journals(settings.run_dir)
    # Messages are consumed and published on two connections. A broker that is short of disk or memory stops
    # reading from connections that publish. It must still read acknowledgements, which free both.
    async with (
        xml_rpc.session() as client,
        Broker(settings.broker_url, name=f"{settings.node} reports") as reporting,
        Broker(
            settings.broker_url, name=f"{settings.node} jobs", topology=topology(settings.events)
        ) as taking,
    ):
        ledger = Ledger(
            settings.ledger, node=settings.node, lease=settings.lease, gateway=settings.gateway_url
        )
        runner = Runner(WorkflowManager(client, settings.wmgr_url, settings.run_dir), journals)
        reports = Reports(reporting, node=settings.node, ledger=ledger)
        leases = Leases(ledger)
        course = Course(
            settings.events,
            node=settings.node,
            ledger=ledger,
            leases=leases,
            runner=runner,
            file_manager=FileManager(client, settings.filemgr_url),
            reports=reports,
        )
        intake = Intake(
            settings.events, course=course, runner=runner, reports=reports, ledger=ledger, journals=journals
        )
        journals.follow()
        await intake.adopt()
        renewal = asyncio.create_task(leases.keep())
        # What the Workflow Manager lacks is told now, not when the first job comes.
        readiness = asyncio.create_task(runner.ready())
        for event in settings.events:
            dead_letters = names.dead_letter_queue(event.name)
            await taking.consume(dead_letters, prefetch=1, handler=intake.take_dead_letter)
        jobs = Taking(settings.events, broker=taking, pauses=Pauses(settings.ledger), handler=intake.take)
        looking = asyncio.create_task(jobs.keep())
        await stop.wait()
        # It is over before the subscriptions end, so that it makes no new one.
        looking.cancel()
        await asyncio.wait({looking})
        await taking.stop_consuming()
        await intake.drain(max(0.0, settings.stop_grace - STOP_MARGIN_SECONDS))
        readiness.cancel()
        renewal.cancel()
        journals.stop()


async def _work(settings: WorkerSettings, stop: asyncio.Event) -> None:
    with metrics.served(settings.node):
        async with machine.told(settings.broker_url, node=settings.node, share=settings.ledger):
            await consume(settings, stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take jobs as the environment says, or as the original was told to: ``pull QUEUE MAX_WORKFLOWS``."""
    parser = argparse.ArgumentParser(
        prog="python -m runtime.consumer",
        description="Take jobs from the queues of this container's events and run them here.",
    )
    commands = parser.add_subparsers(metavar="")
    pull = commands.add_parser("pull", help="take jobs from one queue, named here and not in the environment")
    pull.add_argument("queue", metavar="QUEUE", help="the OODT event that starts the workflow")
    pull.add_argument("max_workflows", metavar="MAX", help="workflows that run at once here")
    chosen = vars(parser.parse_args(arguments))
    environment = dict(os.environ)
    if chosen:
        environment.pop(names.EVENTS, None)
        environment |= {
            names.WORKFLOW_QUEUE: chosen["queue"],
            names.MAX_WORKFLOWS: chosen["max_workflows"],
        }
    return run_process("consumer", _work, lambda: worker_settings(environment))


if __name__ == "__main__":
    sys.exit(main())
