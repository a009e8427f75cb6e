"""What becomes of a request that cannot be answered: the JSON object {"error": TEXT} and a status code."""

import logging
import sqlite3

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from runtime.messaging.broker import BrokerDown
from runtime.status_service.management import ManagementDown

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that cannot be answered. The text may quote it, so it does not go into HTTP's status line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def error(status: int, text: str, **headers: str) -> JSONResponse:
    return JSONResponse({"error": text}, status, headers)


async def _refused(_: Request, refused: Exception) -> JSONResponse:
    assert isinstance(refused, Refused)
    return error(refused.status, str(refused))


async def _invalid(_: Request, invalid: Exception) -> JSONResponse:
    assert isinstance(invalid, RequestValidationError)
    first = invalid.errors()[0]
    return error(400, f"{'.'.join(map(str, first['loc'][1:])) or 'the body'}: {first['msg']}")


async def _http(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)
    return error(problem.status_code, problem.detail)


async def _away(_: Request, problem: Exception) -> JSONResponse:
    return error(503, str(problem))


async def _failed(request: Request, problem: Exception) -> JSONResponse:
    log.error("%s %s", request.method, request.url.path, exc_info=problem)
    return error(500, str(problem))


def handle(app: FastAPI) -> None:
    """Let the application answer so."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(BrokerDown, _away)
    app.add_exception_handler(ManagementDown, _away)
    app.add_exception_handler(OSError, _failed)
    app.add_exception_handler(sqlite3.Error, _failed)
