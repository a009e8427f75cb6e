"""The benchmark: `python -m bench [--full] [ROW...]` measures, and writes results, table and pictures.

Rows: enqueue, own-part, queued, batch, flow, console, browser, image, swarm. Without any, all of them; swarm
only with --full. Rows that are not run keep their last results. A batch of another shape (--workers, --slots,
--jobs, --seconds) is measured and printed; the results stay as they are.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import (
    batch,
    browser,
    console,
    enqueue,
    flow,
    image,
    machine,
    own_part,
    peers,
    queued,
    steps,
    swarm,
)
from bench.cluster import Cluster
from bench.measurement import Measurement, table
from runtime.messaging.announcements import StateChange
from testing import images

OUTPUT = peers.ROOT / "bench" / "results"
RESULTS = OUTPUT / "results.json"
DRAW_SECONDS = 120
SIMULATION_SECONDS = 300
SLOTS = 4


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The shape of the batch: Workflow Managers, slots of each, jobs, and seconds of each of two tasks."""

    workers: int = 2
    slots: int = SLOTS
    jobs: int = 60
    seconds: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a row needs to be measured."""

    full: bool
    batch: Shape
    folder: Path
    images: dict[str, str]

    @property
    def repetitions(self) -> int:
        return 5 if self.full else 3

    def cluster(self, *, workers: int = 1, slots: int = SLOTS) -> Cluster:
        folder = self.folder / f"cluster-of-{workers}"
        return Cluster(images=self.images, folder=folder, workers=workers, slots=slots)


@dataclass(frozen=True, kw_only=True)
class Row:
    """The figures of a row, and the data for pictures, model and text."""

    figures: list[Measurement]
    data: dict[str, Any]


def measure_enqueue(setting: Setting) -> Row:
    figures = enqueue.measure(setting.images["rabbitmq"], setting.folder, repetitions=setting.repetitions)
    return Row(figures=figures, data={})


def measure_own_part(setting: Setting) -> Row:
    jobs = 5_000 if setting.full else 3_000
    broker = setting.images["rabbitmq"]
    figures = own_part.measure(broker, setting.folder, repetitions=setting.repetitions, jobs=jobs)
    return Row(figures=figures, data={})


def measure_queued(setting: Setting) -> Row:
    broker = setting.images["rabbitmq"]
    jobs = 100_000 if setting.full else 10_000
    figures = queued.measure(broker, setting.folder, repetitions=setting.repetitions, queued=jobs)
    return Row(figures=figures, data={})


def measure_batch(setting: Setting) -> Row:
    shape = setting.batch
    with setting.cluster(workers=shape.workers, slots=shape.slots).running() as cluster:
        done = batch.measure(cluster, repetitions=setting.repetitions, jobs=shape.jobs, seconds=shape.seconds)
        milliseconds = steps.measure(cluster)
    case = {**asdict(shape), "elapsed": done.elapsed}
    data = {"jobs": spans(done.ended), "overhead": done.overhead, "case": case, "steps": milliseconds}
    return Row(figures=done.figures, data=data)


def measure_flow(setting: Setting) -> Row:
    jobs = 5_000 if setting.full else 1_000
    with setting.cluster().running() as cluster:
        done = flow.measure(cluster, jobs=jobs)
    case = {"workers": 1, "slots": SLOTS, "jobs": jobs, "seconds": 0, "elapsed": done.elapsed}
    return Row(figures=done.figures, data={"jobs": spans(done.ended), "cpu": done.cpu, "case": case})


def measure_console(setting: Setting) -> Row:
    jobs = 1_000_000 if setting.full else 100_000
    figures = console.measure(
        setting.images["rabbitmq"], setting.folder, repetitions=setting.repetitions, jobs=jobs
    )
    return Row(figures=figures, data={})


def measure_browser(setting: Setting) -> Row:
    minutes = 10 if setting.full else 2
    return Row(figures=browser.measure(setting.images, setting.folder, minutes=minutes), data={})


def measure_image(setting: Setting) -> Row:
    size = image.size(setting.images["oodt"], images.base())
    with setting.cluster().running() as cluster:
        return Row(figures=[size, image.start(cluster, repetitions=setting.repetitions)], data={})


def measure_swarm(setting: Setting) -> Row:
    return Row(figures=swarm.measure(setting.folder), data={})


ROWS: dict[str, Callable[[Setting], Row]] = {
    "enqueue": measure_enqueue,
    "own-part": measure_own_part,
    "queued": measure_queued,
    "batch": measure_batch,
    "flow": measure_flow,
    "console": measure_console,
    "browser": measure_browser,
    "image": measure_image,
    "swarm": measure_swarm,
}


def spans(ended: list[StateChange]) -> list[dict[str, object]]:
    return [
        {"node": each.node, "started": round(each.started or 0, 2), "ended": round(each.ended or 0, 2)}
        for each in ended
    ]


def write(results: dict[str, Any]) -> None:
    """Write results, table and pictures; also the simulation if its two rows are there."""
    OUTPUT.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results) + "\n")
    rows = [results[name] for name in ROWS if name in results]
    text = [table([each for row in rows for each in row["figures"]]), ""]
    for name in (name for name in ROWS if name in results):
        described = results[name]["machine"]
        text.append(f"- {name}: " + ", ".join(f"{key} {value}" for key, value in described.items()))
    (OUTPUT / "table.md").write_text("\n".join(text) + "\n")
    drawing = [str(peers.PYTHON), "-m", "bench.pictures", str(RESULTS), str(OUTPUT)]
    subprocess.run(drawing, cwd=peers.ROOT, check=True, timeout=DRAW_SECONDS)
    if {"batch", "flow"} <= results.keys():
        simulation = [str(peers.PYTHON), "-m", "bench.simulation", str(RESULTS)]
        with open(OUTPUT / "simulation.md", "wb") as file:
            subprocess.run(simulation, cwd=peers.ROOT, check=True, stdout=file, timeout=SIMULATION_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="five repetitions, and 5,000 jobs in a row")
    usual_batch = Shape()
    for name, value in asdict(usual_batch).items():
        parser.add_argument(
            f"--{name}", type=type(value), default=value, help="of the batch (default: %(default)s)"
        )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    options = parser.parse_args()
    shape = Shape(**{name: getattr(options, name) for name in asdict(usual_batch)})
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}: there are {', '.join(ROWS)}")
    peers.install()
    built = {name: images.build(name) for name in ("rabbitmq", "oodt")}
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    usual = [name for name in ROWS if options.full or name != "swarm"] if shape == usual_batch else ["batch"]
    for name in options.rows or usual:
        described = machine.describe()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            setting = Setting(full=options.full, batch=shape, folder=Path(folder), images=built)
            row = ROWS[name](setting)
        figures = [each.as_json() for each in row.figures]
        results[name] = {"machine": described, "cores": os.cpu_count(), "figures": figures, **row.data}
        print(table(figures), flush=True)
        if shape == usual_batch:
            write(results)


if __name__ == "__main__":
    main()
