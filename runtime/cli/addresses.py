"""Where a command finds the broker: the environment, the container's secrets, or the stack's outputs."""

import os
from collections.abc import Mapping

from runtime import names
from runtime.cli import stack
from runtime.cli.results import NoBroker
from runtime.messaging.address import (
    checked_broker_url,
    checked_management_url,
    given_broker_url,
    given_management_url,
)
from runtime.messaging.event import Priority, listed_events


class NoBrokerAddress(NoBroker):
    """The broker's address is given nowhere."""


def broker_url(env: Mapping[str, str] = os.environ) -> str:
    """The broker's address, with user and password; raises SettingError, NoBrokerAddress."""
    return checked_broker_url(
        given_broker_url(env) or _of_the_stack(names.USER_URL_OUTPUT, names.RABBITMQ_USER_URL)
    )


def management_url(env: Mapping[str, str] = os.environ) -> str:
    """The address of the broker's management, likewise; raises SettingError, NoBrokerAddress."""
    return checked_management_url(
        given_management_url(env) or _of_the_stack(names.ADMIN_URL_OUTPUT, names.RABBITMQ_ADMIN_URL)
    )


def priority(event: str, env: Mapping[str, str] = os.environ) -> Priority:
    """The event's own priority, from the same source as the broker's address; normal where that has none.

    Raises SettingError, NoBrokerAddress.
    """
    priorities: Mapping[str, Priority] = {}
    if described := env.get(names.EVENTS):
        priorities = {each.name: each.priority for each in listed_events(described)}
    elif not given_broker_url(env):
        try:
            priorities = stack.outputs().get(names.PRIORITIES_OUTPUT, {})
        except stack.NoAnswer as error:
            raise NoBrokerAddress(str(error)) from error
    return priorities.get(event, "normal")


def _of_the_stack(output: str, variable: str) -> str:
    try:
        return stack.address(output, variable=variable)
    except stack.NoAnswer as error:
        raise NoBrokerAddress(str(error)) from error
