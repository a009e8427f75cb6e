"""The workflows of the cluster, as their policies say."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.status_service.answers import UNKNOWN, EventWorkflows, Workflows
from runtime.status_service.errors import Refused
from runtime.status_service.parts import Service
from runtime.status_service.queries import Parameters

router = APIRouter()


@router.get("/workflows", response_model=Workflows, summary="Workflows by event, with tasks and settings")
async def workflows(service: Service, _: Annotated[Parameters, Query()]) -> Response:
    return JSONResponse(await service.workflows.view(service.swarm))


@router.get(
    "/workflows/{event:name}",
    response_model=EventWorkflows,
    responses=UNKNOWN,
    summary="The workflows of an event",
)
async def of_event(service: Service, event: str, _: Annotated[Parameters, Query()]) -> Response:
    for each in (await service.workflows.view(service.swarm))["events"]:
        if each["event"] == event:
            return JSONResponse(each)
    raise Refused(404, f"no event {event} is known")
