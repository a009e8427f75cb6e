"""Tags that everything of a stack carries, so that it can be found, and its cost told, in the account."""

from __future__ import annotations

from infra.settings import Settings


def tags(settings: Settings, name: str) -> dict[str, str]:
    """Stated on each resource: default tags of a provider do not reach what a group of instances launches."""
    return {"Name": name, "Project": settings.project, "Stack": settings.stack}
