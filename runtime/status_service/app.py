"""The HTTP side of the status service: its routes, who may use them, what becomes of errors."""

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from runtime import names
from runtime.status_service import errors
from runtime.status_service.access import NEEDS_TOKEN, Guard
from runtime.status_service.answers import REFUSED
from runtime.status_service.console import batches as console_batches
from runtime.status_service.console import dead, live, login, story, workflows
from runtime.status_service.console import jobs as console_jobs
from runtime.status_service.console import overview as console_overview
from runtime.status_service.console import swarm as console_swarm
from runtime.status_service.parts import Parts
from runtime.status_service.routes import (
    actions,
    alarms,
    batches,
    cancellations,
    history,
    jobs,
    overview,
    service,
    stories,
    swarm,
)
from runtime.status_service.routes import workflows as workflow_routes

API = "/api/v1"
MOST_BYTES = 1_000_000
# Everything that needs the token, by its subject.
SUBJECTS = (overview, alarms, actions, cancellations, batches, stories, jobs, history, swarm, workflow_routes)
# The console, by its views. The first of them is part of the document, since it is the address to begin with.
VIEWS = (login, live, console_batches, story, console_jobs, dead, workflows, console_swarm)
DESCRIPTION = (
    "What became of every job. The broker holds the truth about work to do: queues and nodes come from it. "
    "Jobs, runs and batches are a history, which forgets the oldest jobs that have ended. "
    "Times are Unix seconds."
)


def application(parts: Parts, *, assets: Path = Path(names.ASSETS_DIR)) -> FastAPI:
    """The application that answers from these parts; ASSETS has what pages load of other projects."""
    app = FastAPI(
        title="oodt-status",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MOST_BYTES,
    )
    app.state.parts = parts
    app.state.access = parts.access
    app.add_middleware(Guard, access=parts.access)
    errors.handle(app)
    app.include_router(service.router)
    app.include_router(console_overview.router)
    for view in VIEWS:
        app.include_router(view.router, include_in_schema=False)
    app.mount("/static/lib", StaticFiles(directory=assets, check_dir=False))
    app.mount("/static", StaticFiles(packages=[("runtime.status_service.console", "static")]))
    for subject in SUBJECTS:
        app.include_router(subject.router, prefix=API, dependencies=[NEEDS_TOKEN], responses=REFUSED)
    return app
