"""What an `up` that was killed has made in docker and not recorded: it is removed before it is made again.

Docker refuses a second thing of a name. The engine makes one only where the state has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import pulumi

KINDS = {
    "docker:index/network:Network": "network",
    "docker:index/secret:Secret": "secret",
    "docker:index/service:Service": "service",
    "docker:index/container:Container": "container",
}

Thing = tuple[str, str]  # its kind, as a docker command has it, and its name
Run = Callable[[str], Awaitable[str]]  # a docker command; raises RuntimeError where it fails
Found = Mapping[Thing, Sequence[str]]  # with the docker commands that remove each


def removed(where: str, run: Run, find: Callable[[], Awaitable[Found]]) -> pulumi.ResourceTransformation:
    """Before docker things below a resource are made, remove those of the same names.

    ``find`` lists what may be removed, and none of it is anybody else's. It is called once, before the first
    thing is made. ``where`` is another for each docker. What cannot be removed is left: docker says at once
    that its name is taken.
    """
    listing: asyncio.Task[Found] | None = None

    async def remove(args: pulumi.ResourceHookArgs) -> None:
        nonlocal listing
        listing = listing or asyncio.ensure_future(find())
        thing = KINDS[args.type], (args.new_inputs or {})["name"]
        with suppress(RuntimeError):
            found = await listing
            if thing in found:
                pulumi.log.info(f"{where} has a {' '.join(thing)} that the stack does not know: made anew")
            for command in found.get(thing, ()):
                await run(command)

    hook = pulumi.ResourceHook(f"remove what {where} has unrecorded", remove)

    def bind(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ not in KINDS:
            return None
        hooks = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hook]))
        return pulumi.ResourceTransformationResult(
            props=args.props, opts=pulumi.ResourceOptions.merge(args.opts, hooks)
        )

    return bind
