"""What a browser needs that has a view of the console open while a busy cluster goes on.

Memory is that of the tab's renderer process. Chromium has others for its own bars and for the next tab.
Updates that come twice a second on a busy cluster are made to follow each other at once.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bench import busy, console, history, usage, views
from bench.devtools import DevTools, chromium
from bench.measurement import Measurement
from runtime.status_service.access import COOKIE, Access
from testing.oodt import docker
from testing.waiting import PAUSE_SECONDS
from tests.integration.browser import UPDATE
from tests.integration.status import TOKEN, Status

JOBS = 20_000
LIMIT_MIB = 150
# The console looks for changes twice a second.
UPDATES_A_MINUTE = 120
LIVE_SECONDS = 60
ASSETS = "/usr/local/oodt/share/console"
OWN_BARS = "--top-chrome-webui"
VIEWS = (
    *("overview", "batches", "a batch", "jobs", "a job", "a job's story"),
    *("dead jobs by reason", "workflows", "swarm", "changes"),
)


@dataclass(frozen=True, kw_only=True)
class Need:
    """Memory in MiB: of the process, and of the page's own objects after a collection of garbage."""

    memory: float
    heap: float
    nodes: int
    listeners: int


def measure(images: dict[str, str], folder: Path, *, minutes: int) -> list[Measurement]:
    """Each view gets the updates of so many minutes."""
    assets = _assets(images["oodt"], folder / "assets")
    with console.service(images["rabbitmq"], folder, JOBS, assets) as (vhost, status):
        status.start()
        with busy.cluster(vhost, status, batch=JOBS // history.BATCH_JOBS):
            needs = asyncio.run(_all(status, folder, minutes))
    figures = [
        Measurement(
            name=f"a browser with {view} open: memory of the tab",
            unit="MiB",
            values=(late.memory,),
            limit=LIMIT_MIB,
            note=f"{early.memory:.0f} after a minute; its objects {early.heap:.1f}, then {late.heap:.1f}",
        )
        for view, (early, late) in needs.items()
    ]
    grown = max(
        max(late.nodes / early.nodes, late.listeners / early.listeners) for early, late in needs.values()
    )
    growth = Measurement(
        name="elements and listeners of a view at the end, against its first minute",
        unit="x",
        values=(grown,),
        limit=1.1,
        note=f"the most of {len(VIEWS)} views, {minutes} minutes' worth of updates",
    )
    return [*figures, growth]


async def _all(status: Status, folder: Path, minutes: int) -> dict[str, tuple[Need, Need]]:
    """What each view needs at first and at the end."""
    needs = {}
    async with chromium(folder) as browser:
        session = Access(act=TOKEN).open_session("act")
        cookie = {"name": COOKIE, "value": session, "url": status.url}
        await browser.ask("Storage.setCookies", cookies=[cookie])
        for view in VIEWS:
            needs[view] = await _open(browser, status.url + views.of_console(JOBS)[view], minutes)
    return needs


async def _open(browser: DevTools, address: str, minutes: int) -> tuple[Need, Need]:
    target = (await browser.ask("Target.createTarget", url=address))["targetId"]
    attached = await browser.ask("Target.attachToTarget", targetId=target, flatten=True)
    page = attached["sessionId"]
    async with asyncio.timeout(LIVE_SECONDS):
        while not await browser.evaluate(page, 'Boolean(document.querySelector("#live.on"))'):
            await asyncio.sleep(PAUSE_SECONDS)
    # In the first minute the view gets its nodes, batches and lines.
    await browser.evaluate(page, f"({UPDATE})({UPDATES_A_MINUTE})")
    early = await _need(browser, page)
    for _ in range(minutes - 1):
        await browser.evaluate(page, f"({UPDATE})({UPDATES_A_MINUTE})")
    late = await _need(browser, page)
    await browser.ask("Target.closeTarget", targetId=target)
    return early, late


async def _need(browser: DevTools, page: str) -> Need:
    await browser.ask("Performance.enable", session=page)
    await browser.ask("HeapProfiler.collectGarbage", session=page)
    found = (await browser.ask("Performance.getMetrics", session=page))["metrics"]
    metrics = {each["name"]: each["value"] for each in found}
    processes = (await browser.ask("SystemInfo.getProcessInfo"))["processInfo"]
    renderers = [each["id"] for each in processes if each["type"] == "renderer"]
    return Need(
        memory=max(usage.memory(pid) for pid in renderers if OWN_BARS not in usage.command(pid)),
        heap=metrics["JSHeapUsedSize"] / 2**20,
        nodes=int(metrics["Nodes"]),
        listeners=int(metrics["JSEventListeners"]),
    )


def _assets(image: str, folder: Path) -> Path:
    """What pages load of other projects, as the image has it."""
    container = docker("create", image, "status").stdout.strip()
    try:
        docker("cp", f"{container}:{ASSETS}", str(folder))
    finally:
        docker("rm", container)
    return folder
