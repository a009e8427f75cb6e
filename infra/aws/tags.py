"""Tags of all resources of a stack, by which the account shows them and their cost."""

from __future__ import annotations

from infra.settings import Settings


def tags(settings: Settings, name: str) -> dict[str, str]:
    """Stated on each resource: default tags of a provider do not reach what a group of instances launches."""
    return {"Name": name, "Project": settings.project, "Stack": settings.stack}
