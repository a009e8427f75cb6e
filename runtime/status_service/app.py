"""The HTTP side of the status service: its routes, who may use them, what becomes of errors."""

from fastapi import FastAPI

from runtime.status_service import errors
from runtime.status_service.access import NEEDS_TOKEN, Guard
from runtime.status_service.answers import REFUSED
from runtime.status_service.parts import Parts
from runtime.status_service.routes import (
    batches,
    cancellations,
    history,
    jobs,
    overview,
    pages,
    service,
    stories,
)

API = "/api/v1"
MOST_BYTES = 1_000_000
# Everything that needs the token, by its subject.
SUBJECTS = (overview, cancellations, batches, stories, jobs, history)
DESCRIPTION = (
    "What became of every job. The broker holds the truth about work to do: queues and nodes come from it. "
    "Jobs, runs and batches are a history, which forgets the oldest jobs that have ended. "
    "Times are Unix seconds."
)


def application(parts: Parts) -> FastAPI:
    """The application that answers from these parts."""
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
    app.add_middleware(Guard, token=parts.token)
    errors.handle(app)
    app.include_router(pages.router)
    app.include_router(service.router)
    for subject in SUBJECTS:
        app.include_router(subject.router, prefix=API, dependencies=[NEEDS_TOKEN], responses=REFUSED)
    return app
