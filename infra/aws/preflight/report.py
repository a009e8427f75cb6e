"""The preflight as a whole: for `pulumi preview`, whose errors end the program, and for the command."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pulumi

from infra.aws.preflight import reader
from infra.aws.preflight.facts import Caller
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.judgement import judge
from infra.aws.preflight.place import chosen
from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Report:
    """``caller`` is None where AWS did not say who asks."""

    caller: Caller | None
    region: str
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.caller.account if self.caller else None,
            "caller": self.caller.arn if self.caller else None,
            "region": self.region,
            "findings": [asdict(finding) | {"text": str(finding)} for finding in self.findings],
        }


def examine(settings: Settings) -> Report:
    """Ask AWS and judge: in less than ten seconds, times ``patience``, and changes nothing."""
    facts = reader.read(settings)
    return Report(caller=facts.caller.value, region=chosen(settings).region, findings=judge(settings, facts))


def preview(settings: Settings) -> None:
    """Print the findings among those of the preview. Raises pulumi.RunError for errors, all at once."""
    found = examine(settings)
    if found.caller:
        pulumi.log.info(f"account {found.caller.account} in {found.region}, as {found.caller.arn}")
    errors = []
    for finding in found.findings:
        if finding.severity == "error":
            errors.append(str(finding))
        elif finding.severity == "warning":
            pulumi.log.warn(str(finding))
        else:
            pulumi.log.info(str(finding))
    if errors:
        raise pulumi.RunError("\n".join(errors))
