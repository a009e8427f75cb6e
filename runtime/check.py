"""The operator's command that checks a workflow's folder: oodt check DIR."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict

from runtime.cli import workflow_options
from runtime.cli.batches import pairs
from runtime.cli.command import Command, event, exit_with
from runtime.cli.results import BAD_INPUT, DONE, Result
from runtime.policy.checks import check
from runtime.policy.findings import Finding


def _run(options: Namespace) -> Result:
    metadata = pairs(options.metadata)
    findings = check(
        workflow_options.workflows(options),
        events=[options.event] if options.event else [],
        metadata=metadata if options.metadata else None,
    )
    return _result(findings)


def _result(findings: Sequence[Finding]) -> Result:
    counted = {what: sum(found.severity == what for found in findings) for what in ("error", "warning")}
    listed = [asdict(found) | {"file": str(found.file)} for found in findings]

    def show() -> None:
        for found in findings:
            print(found)
        print(", ".join(f"{number} {what}{'' if number == 1 else 's'}" for what, number in counted.items()))

    return Result(
        answer={"errors": counted["error"], "warnings": counted["warning"], "findings": listed},
        show=show,
        code=BAD_INPUT if counted["error"] else DONE,
    )


def _add_options(parser: ArgumentParser) -> None:
    workflow_options.add(
        parser, metadata="metadata of a job; repeat it for more. Then what jobs need must be among them"
    )
    parser.add_argument("--event", type=event, metavar="EVENT", help="the event that jobs are submitted to")


COMMAND = Command(
    name="check",
    description="Check a workflow's folder as OODT 0.3 reads it, before there is a cluster. Each error "
    "and each warning has its file, its line and what to do. Errors end with exit code 2; warnings do not.",
    examples=("workflows/test-workflow", "my-workflow --event my-workflow --metadata Input=/data/a.nc"),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
