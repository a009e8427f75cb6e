"""Where the broker and its management are: the address with its login, read and checked.

Both hold passwords, so no error repeats them.
"""

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import pika

from runtime import names
from runtime.environment import SettingError, is_http, secret

PLAIN_PARAMETERS = re.compile(r"[\w=&.-]+")


def given_broker_url(env: Mapping[str, str] = os.environ) -> str:
    """The broker's address as a variable or a docker secret says it, unchecked; empty if neither does."""
    return env.get(names.RABBITMQ_USER_URL) or secret(names.RABBITMQ_USER_SECRET)


def given_management_url(env: Mapping[str, str] = os.environ) -> str:
    """The management's address as a variable or a docker secret says it, unchecked; empty if neither does."""
    return env.get(names.RABBITMQ_ADMIN_URL) or secret(names.RABBITMQ_ADMIN_SECRET)


def broker_url(env: Mapping[str, str] = os.environ) -> str:
    """The broker's address, with user and password, as a container knows it; raises SettingError."""
    url = given_broker_url(env)
    if not url:
        raise SettingError(
            f"{names.RABBITMQ_USER_URL} is not set and there is no secret {names.RABBITMQ_USER_SECRET}: "
            f"set {names.RABBITMQ_USER_URL}=amqp://USER:PASSWORD@HOST:{names.AMQP_PORT}/%2F"
        )
    return checked_broker_url(url)


def management_url(env: Mapping[str, str] = os.environ) -> str:
    """The address of the broker's management, with user and password; raises SettingError."""
    return checked_management_url(given_management_url(env))


def checked_broker_url(url: str) -> str:
    """The same URL; raises SettingError for one that pika does not take."""
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in {"amqp", "amqps"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid:
        raise SettingError(
            f"the broker's address is not of the form amqp://USER:PASSWORD@HOST:{names.AMQP_PORT}/%2F: "
            f"correct {names.RABBITMQ_USER_URL}"
        )
    if problem := _parameters_problem(url):
        raise SettingError(f"the broker's address {problem}: correct {names.RABBITMQ_USER_URL}")
    return url


def checked_management_url(url: str) -> str:
    """The same URL; raises SettingError for one without host or login."""
    if not is_http(url, login=True):
        raise SettingError(
            f"the address of the broker's management is not of the form http://USER:PASSWORD@HOST:"
            f"{names.MANAGEMENT_PORT}: correct {names.RABBITMQ_ADMIN_URL}"
        )
    return url


def _parameters_problem(url: str) -> str | None:
    """What pika does not take of a well-formed address."""
    bare, _, query = url.partition("?")
    try:
        pika.URLParameters(bare)
    except (ValueError, TypeError):
        return "has a user without a password"
    for part in (*query.split("&"), query):
        try:
            pika.URLParameters(f"{bare}?{part}")
        except (ValueError, TypeError, SyntaxError, AttributeError, OSError):
            # TLS options may hold the password of a key.
            shown = repr(part) if PLAIN_PARAMETERS.fullmatch(part) else "a part after its '?'"
            return f"ends with {shown}, which cannot be used"
    return None
