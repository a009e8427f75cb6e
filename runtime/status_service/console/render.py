"""Makes HTML of templates, and says what a browser may do with it."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

# Nothing from elsewhere, and no script or style inside a page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With none at all, browsers would not say of which page a form comes.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATES = ("SUCCEEDED", "DEAD", "CANCELLED", "RUNNING", "RETRYING", "QUEUED")


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A view; the templates know the path that was asked for, and the role."""
    role = getattr(request.state, "role", None)
    html = _TEMPLATES.get_template(template).render(
        **values, path=request.url.path, role=role, address=_address(request)
    )
    return HTMLResponse(html, status, HEADERS)


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def span(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None or seconds < 0:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0", "")
    left, parts = round(seconds), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        parts.append((count, unit))
    first = next(n for n, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def clock(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def job_path(event: str, job: str) -> str:
    return f"/jobs/{quote(event, safe='')}/{quote(job, safe='')}"


def batch_path(event: str, batch: str) -> str:
    return f"/batches/{quote(event, safe='')}/{quote(batch, safe='')}"


def jobs_path(**filters: Any) -> str:
    """The view of jobs with filters; those that are empty are left out."""
    given: Mapping[str, Any] = {key: value for key, value in filters.items() if value not in (None, "")}
    return "/jobs" + (f"?{urlencode(given)}" if given else "")


def workflow_path(event: str) -> str:
    return f"/workflows/{quote(event, safe='')}"


def group_path(event: str, reason: str, batch: str | None = None) -> str:
    """The view of jobs that are dead for one reason."""
    given = {"reason": reason} | ({"batch": batch} if batch else {})
    return f"/dead/{quote(event, safe='')}?{urlencode(given)}"


def changes_path(before: int) -> str:
    return f"/changes?before={before}"


def size(count: float) -> str:
    """Bytes, in the unit that leaves a number below 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


_TEMPLATES = Environment(
    loader=PackageLoader("runtime.status_service.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(number=number, span=span, clock=clock, bytes=size, quoted=shlex.quote)
_TEMPLATES.globals.update(
    job_path=job_path,
    batch_path=batch_path,
    jobs_path=jobs_path,
    workflow_path=workflow_path,
    group_path=group_path,
    all_states=STATES,
)
