"""What becomes of a request that cannot be answered: the JSON object {"error": TEXT} and a status code."""

import logging
import sqlite3

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from runtime.messaging.broker import BrokerDown
from runtime.status_service.console.render import page
from runtime.status_service.management import ManagementDown
from runtime.status_service.swarm import SwarmAway

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that cannot be answered. The text may quote it, so it does not go into HTTP's status line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def error(status: int, text: str, **headers: str) -> JSONResponse:
    return JSONResponse({"error": text}, status, headers)


def _answer(request: Request, status: int, text: str) -> Response:
    """A browser that asks for a view gets one; everybody else gets JSON."""
    if "text/html" in request.headers.get("Accept", "") and not request.url.path.startswith("/api/"):
        return page(request, "problem.html", status=status, code=status, text=text)
    return error(status, text)


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return _answer(request, refused.status, str(refused))


async def _invalid(request: Request, invalid: Exception) -> Response:
    assert isinstance(invalid, RequestValidationError)
    first = invalid.errors()[0]
    name = ".".join(map(str, first["loc"][1:])) or "the body"
    return _answer(request, 400, f"{name}: {first['msg']}")


async def _http(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return _answer(request, problem.status_code, problem.detail)


async def _away(request: Request, problem: Exception) -> Response:
    return _answer(request, 503, str(problem))


async def _failed(request: Request, problem: Exception) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=problem)
    return _answer(request, 500, str(problem))


def handle(app: FastAPI) -> None:
    """Let the application answer so."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(BrokerDown, _away)
    app.add_exception_handler(ManagementDown, _away)
    app.add_exception_handler(SwarmAway, _away)
    app.add_exception_handler(OSError, _failed)
    app.add_exception_handler(sqlite3.Error, _failed)
