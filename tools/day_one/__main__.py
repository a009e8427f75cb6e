"""tools/aws-day-one: the arguments, the budget, and the report's last lines."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import yaml

from infra.aws import access
from infra.aws.preflight import own_address
from infra.aws.preflight.facts import NotRead
from infra.aws.preflight.leftovers import Leftover
from toolchain.paths import REPOSITORY
from tools.day_one import day, processes
from tools.day_one.account import REFUSED, Account
from tools.day_one.limits import Limits, OverBudgetError, ShortSessionError
from tools.day_one.processes import ProgramError
from tools.day_one.report import Report
from tools.day_one.stack import QUICK, Stack
from tools.day_one.steps import STORY, WORKERS, Trial
from tools.day_one.switch import Switch

DONE, FAILED, REFUSED_INPUT, LEFT = range(4)
DESCRIPTION = """Try target aws on a real account: bring up a manager and two workers, look at the mounts,
run ten jobs, reboot both kinds of node, terminate a worker through its group, give a spot worker its
notice, replace the manager, change the workers' template, stop the manager, and destroy everything.
It costs money.

It has a stack of its own, in whatever Pulumi backend is used. What it may cost is reckoned before
anything is made: the price of the cluster's hour, for the time limit and the time that destroy may take.
At the time limit, at Ctrl-C and when the terminal is closed it destroys. If this machine goes away
meanwhile, three schedules in the account end the instances and remove disks, snapshots, the address and
the share. Roles, security groups, templates and keys stay, which cost nothing, until you destroy the
stack. Nobody has seen these schedules act yet.

It needs an account in which you may do everything; use one for trials. The report has account and
addresses in it, but no secret.
"""


def main() -> int:
    options = _options()
    name = f"day-one-{secrets.token_hex(2)}"
    folder = Path(options.report or f"{name}-report").resolve()
    if folder.exists():
        return _refuse(f"--report is {folder}: it is there already; name a new folder")
    project = str(yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())["name"])
    try:
        account = Account(region=options.region, profile=options.profile, project=project, stack=name)
        number = account.number()
        cidr = options.admin_cidr or f"{own_address.look_up()}/32"
    except (NotRead, *REFUSED) as problem:
        return _refuse(f"{problem}: correct the credentials, --profile or --region, or give --admin-cidr")
    report = Report(folder=folder, facts={"stack": name, "account": number, "region": options.region})
    stack = Stack(name=name, log=folder / "settings.log")
    try:
        limits = _made(stack, options, cidr)
    except (ProgramError, OverBudgetError, ShortSessionError) as problem:
        _forget(stack, report)
        return _refuse(str(problem))
    report.facts |= {"instance type": options.instance_type, "minutes": options.minutes}
    report.facts |= {"budget": f"{options.budget:.2f} USD, of which {limits.most:.2f} at most"}
    switch = Switch(account)
    try:
        with day.at_signals(day.end_in_order):
            report.facts["AWS ends the instances"] = switch.make(options.minutes)
    except (Exception, KeyboardInterrupt, day.Ended) as problem:
        left = switch.remove()
        _forget(stack, report)
        _say(left)
        refused = f"without the schedules that end the instances nothing is begun: {day.said(problem)}"
        return _refuse(refused, LEFT if left else REFUSED_INPUT)
    report.facts["began"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    report.write()
    for fact, value in report.facts.items():
        day.say(f"{fact}: {value}")
    story = [step for step in STORY if step.name not in options.skip]
    well = day.run(Trial(stack=stack, account=account), story, limits, report, switch)
    _say(report.leftovers)
    day.say(f"report: {folder}")
    return LEFT if report.leftovers else DONE if well else FAILED


def _made(stack: Stack, options: argparse.Namespace, cidr: str) -> Limits:
    """The stack with its settings, and what its price and the session allow.

    Raises ProgramError, OverBudgetError, ShortSessionError.
    """
    stack.make(
        {
            "target": "aws",
            "aws:region": options.region,
            **({"aws:profile": options.profile} if options.profile else {}),
            "admin_cidrs": json.dumps([cidr]),
            "instance_type": options.instance_type,
            "worker_nodes": str(WORKERS),
            "worker_spot": "true",
            "protect": "false",
        }
    )
    hourly = options.hourly
    if hourly is None:
        line = [sys.executable, "-m", "infra.aws.cost"]
        found = json.loads(processes.output(line, seconds=QUICK, environment=stack.environment))["cost"]
        if found["hourly"] is None or found["unknown"]:
            raise OverBudgetError(f"{found['text']}\ngive --hourly: what an hour of all nodes costs at most")
        hourly = found["hourly"]
    # While a worker is replaced there is one more.
    limits = Limits(
        hourly=hourly * (WORKERS + 2) / (WORKERS + 1), minutes=options.minutes, budget=options.budget
    )
    limits.check()
    limits.check_session("" if options.profile else access.session_end())
    return limits


def _forget(stack: Stack, report: Report) -> None:
    """Nothing was made in the account yet."""
    try:
        stack.pulumi("stack", "rm", "--yes")
    except ProgramError as problem:
        print(f"the empty stack {stack.name} stays: {problem}", file=sys.stderr)
    shutil.rmtree(report.folder)


def _say(leftovers: Iterable[Leftover]) -> None:
    for each in leftovers:
        day.say(f"left: {each.kind} {each.identifier}\n  {each.line}")


def _refuse(text: str, code: int = REFUSED_INPUT) -> int:
    print(text, file=sys.stderr)
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/aws-day-one",
        description=DESCRIPTION,
        epilog="exit codes: 0 all went well, 1 a step failed and nothing is left, 2 bad usage or too small\n"
        "a budget, 3 something is left in the account: the report names it with the line that removes it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--region", required=True, help="AWS region")
    parser.add_argument(
        "--budget", type=_positive, required=True, metavar="USD", help="what it may cost at most"
    )
    parser.add_argument(
        "--minutes", type=_positive, default=180.0, help="time limit, after which it destroys (default: 180)"
    )
    parser.add_argument(
        "--report", metavar="FOLDER", help="folder of the report, a new one (default: named by the stack)"
    )
    parser.add_argument("--profile", default="", help="AWS profile")
    parser.add_argument(
        "--instance-type", default="m6i.xlarge", metavar="TYPE", help="of all nodes (m6i.xlarge)"
    )
    parser.add_argument(
        "--admin-cidr", metavar="CIDR", help="where you log in from (default: your own address)"
    )
    parser.add_argument(
        "--hourly",
        type=_positive,
        metavar="USD",
        help="price of an hour, if AWS's price list does not tell it",
    )
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        choices=[s.name for s in STORY if not s.needed],
        metavar="STEP",
        help="leave a step out; repeat it for more: " + ", ".join(s.name for s in STORY if not s.needed),
    )
    return parser.parse_args()


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return value


if __name__ == "__main__":
    sys.exit(main())
