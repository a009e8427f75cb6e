"""Who asks, from where, in which region."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from infra.aws.access import ASKS_FOR_CODE
from infra.aws.preflight.facts import Facts
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, place
from infra.aws.settings import ADMIN_CIDRS_FIX
from infra.settings import Settings

# What AWS says of a signature by a clock that is more than some minutes off.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
WRONG_TIME = ("Signature expired", "Signature not yet current", "RequestTimeTooSkewed")
FIRST_UP = 45 * 60  # seconds that a manager, workers and images may take together
LARGEST_OFFICE = {4: 16, 6: 32}  # prefix length by IP version


def caller(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """AWS tells everybody who he is: without an answer nothing else has one."""
    name, why = chosen(settings).region, facts.caller.failure
    if why and facts.region_known.value is False:
        yield Finding(
            severity="error",
            key="aws:region",
            value=repr(name),
            problem=f"no region of this name is known, and {why}.",
            fix="pulumi config set aws:region us-west-2",
        )
    elif any(sign in why for sign in WRONG_TIME):
        yield Finding(
            severity="error",
            key="clock of this machine",
            problem=f"it is wrong, and AWS takes nothing that is signed by it: {why}.",
            fix="sudo timedatectl set-ntp true",
        )
    elif why:
        yield Finding(
            severity="error",
            key="credentials",
            problem=f"AWS does not say whose they are in {name}: {why}. In a region that the account has not "
            "enabled it takes none.",
            fix=_login(why, name),
        )


def _login(why: str, region: str) -> str:
    if ASKS_FOR_CODE in why:
        return (
            'eval "$(aws configure export-credentials --profile PROFILE --format env)"; unset AWS_PROFILE; '
            "pulumi config rm aws:profile"
        )
    if "sso" in why.lower():
        return "aws sso login   # with the --profile in question"
    return f"set others until this answers: aws sts get-caller-identity --region {region}"


def region(settings: Settings, facts: Facts) -> Iterator[Finding]:
    name = chosen(settings).region
    if not facts.region_enabled.get():
        yield Finding(
            severity="error",
            key="aws:region",
            value=repr(name),
            problem="this account has not enabled it.",
            fix=f"aws account enable-region --region-name {name}",
        )


def session(settings: Settings, facts: Facts) -> Iterator[Finding]:
    left = facts.session_left.get()
    if left is not None and left < FIRST_UP:
        yield Finding(
            severity="warning",
            key="credentials",
            value=f"a session that ends in {left / 60:.0f} minutes",
            problem=f"a first pulumi up may take {FIRST_UP // 60}, and what it has begun waits for the next.",
            fix="log in again, and export the new session",
        )


def own_address(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """`pulumi up` logs in on the manager's public address, from the address that AWS sees."""
    if not place(settings, facts).subnets[0].public:
        return
    networks = chosen(settings).admin_cidrs
    own = facts.own_address.get()
    if isinstance(own, IPv4Address) and not any(
        own in network for network in networks if network.version == own.version
    ):
        yield Finding(
            severity="error",
            key="admin_cidrs",
            value=repr([str(network) for network in networks]),
            problem=f"your own address {own} is in none of them; pulumi up waits for a login on the manager.",
            fix=ADMIN_CIDRS_FIX,
        )


def wide(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """A manager that the internet reaches, and networks of it that nobody's office is as large as."""
    if not place(settings, facts).subnets[0].public:
        return
    for network in chosen(settings).admin_cidrs:
        if network.is_global and network.prefixlen < LARGEST_OFFICE[network.version]:
            yield Finding(
                severity="warning",
                key="admin_cidrs",
                value=str(network),
                problem="so many strangers may try to log in on the manager, by ssh and its key.",
                fix=ADMIN_CIDRS_FIX,
            )
