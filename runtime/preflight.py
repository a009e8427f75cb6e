"""The operator's command that checks an account, before a cluster and after it: oodt preflight aws."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from runtime.cli import program
from runtime.cli.command import Command, exit_with
from runtime.cli.results import BAD_INPUT, DONE, SOME_FAILED, Result


def _run(options: Namespace) -> Result:
    if options.leftovers:
        return _leftovers(program.ask(f"{options.target}.preflight", "--leftovers"))
    answer = program.ask(f"{options.target}.preflight", *(["--policy"] if options.policy else []))
    if options.policy:
        return Result(answer=answer, show=lambda: print(json.dumps(answer, indent=2)))
    findings = answer["findings"]
    counted = {
        severity: sum(found["severity"] == severity for found in findings)
        for severity in ("error", "warning", "not checked")
    }

    def show() -> None:
        if answer["caller"]:
            print(f"account {answer['account']} in {answer['region']}, as {answer['caller']}")
        for found in findings:
            print(found["text"])
        errors, warnings, unchecked = counted.values()
        print(f"errors: {errors}, warnings: {warnings}, not checked: {unchecked}")

    return Result(
        answer=answer | {"errors": counted["error"], "warnings": counted["warning"]},
        show=show,
        code=BAD_INPUT if counted["error"] else DONE,
    )


def _leftovers(answer: dict[str, Any]) -> Result:
    def show() -> None:
        for found in answer["leftovers"]:
            print(f"{found['kind']} {found['id']}\n  {found['line']}")
        print(f"left of the stack: {len(answer['leftovers']) or 'nothing'}")

    return Result(answer=answer, show=show, code=SOME_FAILED if answer["leftovers"] else DONE)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("target", choices=("aws",), help="the target to check")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--policy", action="store_true", help="print the IAM policy that a deployer needs, and check nothing"
    )
    instead.add_argument(
        "--leftovers",
        action="store_true",
        help="say what the account still has of the stack, with the line that removes each, in the order in "
        "which they can be removed: after pulumi destroy it should be nothing; anything else ends with exit "
        "code 1",
    )


COMMAND = Command(
    name="preflight",
    description="Check an AWS account before a cluster is made in it: network, quotas, instance type, image, "
    "file system, your own address. It changes nothing and costs nothing. What would make pulumi up fail is "
    "an error. Errors end with exit code 2; warnings do not.",
    examples=("aws", "aws --json", "aws --policy > policy.json", "aws --leftovers"),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
