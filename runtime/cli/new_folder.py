"""The files of a new workflow, from templates."""

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

from runtime.cli.results import BadInput
from runtime.policy.places import VARIABLES
from runtime.policy.tasks import JOB_KEYS
from runtime.records import entries

OUTPUT = "Output"
# Keys with a meaning of their own in the new workflow.
TAKEN = {*JOB_KEYS, *VARIABLES, OUTPUT, "JobDir", "ProductType", "ProductName", "Filename", "FileLocation"}
PLACEHOLDER = re.compile(r"\[(\w+)\]")
# A word that is a placeholder and nothing else. Its value may have blanks.
UNQUOTED = re.compile(r"(?<=\s)\[(\w+)\](?=\s|$)")
EXECUTABLE = 0o755


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the templates are filled in with; ``program`` is its name in pges/, ``copied`` where it is now."""

    values: dict[str, str]
    program: str
    copied: Path | None


def plan(name: str, line: str, metadata: Sequence[str], expression: str) -> Plan:
    """What goes into the folder of workflow NAME. Raises BadInput."""
    try:
        words = shlex.split(line)
    except ValueError as problem:
        raise BadInput(
            f"--command is {line!r}, which no shell can read ({problem}): close the quotes"
        ) from None
    if not words:
        raise BadInput("--command is empty: write what a job runs, such as './process.py [Input] [Output]'")
    for key in PLACEHOLDER.findall(line):
        if key not in {*metadata, OUTPUT, *JOB_KEYS, *VARIABLES}:
            raise BadInput(f"--command is {line!r}, and nothing defines [{key}]: add --metadata {key}")
    output = _file_name(expression, "output_[WorkflowInstId]") if f"[{OUTPUT}]" in line else ""
    if f"[{OUTPUT}]" in line and not output:
        raise BadInput(
            f"--output is {expression!r}: with [{OUTPUT}] in the command it has one .* in it, like .*\\.nc"
        )
    # A program is a path; a plain word is a command of the image.
    place = next((word for word in words[:2] if "/" in word and not word.startswith("/")), "")
    program = Path(place).name
    if place:
        line = line.replace(place, f"[OODT_HOME]/pges/{name}/{program}", 1)
    kept = (*metadata, "JobKey")
    defined = [f'metadata key="{OUTPUT}" val="[JobDir]/output/{output}"'] if output else []
    return Plan(
        program=program,
        copied=Path(place) if program and Path(place).is_file() else None,
        values={
            "name": name,
            "command": escape(UNQUOTED.sub(r"'[\1]'", line)),
            "expression": escape(expression, {'"': "&quot;"}),
            "output": _elements("    ", *defined),
            "required": _elements("      ", *(f'metfield name="{key}"' for key in metadata)),
            "mapped": _elements("    ", *(f'element id="urn:{name}:{key}"' for key in kept)),
            "listed": _elements("  ", *(f'metadata key="{key}" val="[{key}]"' for key in kept)),
            "elements": "".join(_element(name, key) for key in kept),
            "target": _target(words[words.index(place) if place else 0 :], expression),
        },
    )


def write(folder: Path, planned: Plan) -> list[str]:
    """Write the folder, which has its name once it is whole, and return the names of its files."""
    own = planned.values["name"]
    texts = {
        name.replace("NAME", own): Template(text).substitute(planned.values) for name, text in _templates()
    }
    stub, readme = texts.pop("pges/program"), texts.pop("pges/README.md")
    program = f"pges/{planned.program or 'README.md'}"
    texts[program] = stub if planned.program else readme
    draft = folder.with_name(f".{folder.name}.oodt-new")
    if draft.exists():  # of a command that was killed
        shutil.rmtree(draft)
    for name, text in texts.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).write_text(text)
    if planned.copied:
        shutil.copyfile(planned.copied, draft / program)
    if planned.program:
        (draft / program).chmod(EXECUTABLE)
    # After a power cut the name is there with all that is in the folder, or not at all.
    for path in draft.rglob("*"):
        entries.sync(path)
    draft.rename(folder)
    return list(texts)


def _templates() -> Iterator[tuple[str, str]]:
    top = files("runtime") / "templates"
    for part in sorted(top.iterdir(), key=lambda each: each.name):
        for each in sorted(part.iterdir(), key=lambda each: each.name):
            yield f"{part.name}/{each.name}", each.read_text()


def _elements(indent: str, *elements: str) -> str:
    return "".join(f"\n{indent}<{element}/>" for element in elements)


def _element(name: str, key: str) -> str:
    described = "The run that wrote the file." if key == "JobKey" else f"The job's {key}."
    return f"""
  <element id="urn:{name}:{key}" name="{key}">
    <description>{described}</description>
    <dcElement/>
  </element>"""


def _file_name(expression: str, middle: str) -> str:
    """A name that the expression matches, with MIDDLE for its .*; empty if there is none so simple."""
    before, any_, after = expression.partition(".*")
    name = (before + middle + after).replace("\\", "")
    try:
        matches = re.fullmatch(expression, PLACEHOLDER.sub("1", name))
    except re.error:
        return ""
    return name if any_ and matches else ""


def _target(words: Sequence[str], expression: str) -> str:
    """Where the example of a program finds the name of its file, as Python."""
    place = f"[{OUTPUT}]"
    if place in words:
        return f"sys.argv[{words.index(place)}]"
    return repr(_file_name(expression, "output") or "output")
