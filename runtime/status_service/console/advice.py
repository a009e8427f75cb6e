"""What to do about the reasons that the cluster itself gives."""

import re

# By what the reason has in it; the first that fits is said.
ADVICE = {
    "missing": "The workflow requires it. Give it a value below, and run the jobs again.",
    "memory ran out": (
        "Give the Workflow Managers more memory (wm_memory), or let fewer jobs run at once (max_workflows). "
        "After pulumi up, redrive."
    ),
    "did not exit with 0": (
        "The log below is what the program said. If its input is to blame, run the jobs again with other "
        "metadata. If the program is, mend it, pulumi up, then redrive."
    ),
    "catalogue .*failed: its disk is full": (
        "The catalogue is on the manager's own disk: docker system df there says what can go. Nothing that "
        "is cleaned from the share makes room there. Then redrive the jobs that died."
    ),
    "disk is full|[Nn]o space left|[Qq]uota exceeded": (
        "Make room on that disk: oodt clean jobs logs says what can go from the share; with --yes it is "
        "deleted. Then redrive."
    ),
    "was not ingested|did not reach the archive": (
        "The File Manager or the archive did not take a file. See whether the archive's folder may be "
        "written to and has room, and whether oodt-filemgr runs. Then redrive."
    ),
    "no file matches|[Nn]o such file|does not exist": (
        "A file is not where it is looked for. If the metadata name it, run the jobs again with other ones. "
        "Otherwise put it there, then redrive."
    ),
    "did not end within": (
        "If the jobs need longer, raise job_timeout and pulumi up. If they hang, the log below says where. "
        "Then redrive."
    ),
    "knows no event": (
        "No workflow has this event: see workflow_queue and workflows. After pulumi up, redrive."
    ),
    "no end on record|ended with their Workflow Manager": (
        "See the changes and the share's disk at that time. Jobs of this kind may take their Workflow "
        "Manager down: see its memory (wm_memory). Then redrive."
    ),
}
OTHERWISE = "Look at the log and the story of one of the jobs. When the cause is mended, redrive."
MISSING = re.compile(r"metadata fields? (.+) (?:is|are) missing")


def on(reason: str) -> str:
    """What to do about it."""
    return next((text for pattern, text in ADVICE.items() if re.search(pattern, reason)), OTHERWISE)


def missing(reason: str) -> list[str]:
    """The metadata fields that it names as missing."""
    found = MISSING.search(reason)
    return found[1].split(", ") if found else []
