"""The alarms that go on."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.status_service.answers import Alarms
from runtime.status_service.parts import Service
from runtime.status_service.queries import Parameters

router = APIRouter()


@router.get("/alarms", response_model=Alarms, summary="The alarms that go on, the oldest first")
async def alarms(service: Service, _: Annotated[Parameters, Query()]) -> Response:
    return JSONResponse({"alarms": service.alarms.open})
