"""Logging in and out. The browser keeps a session in a cookie that no script can read, not the token."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from runtime.status_service.access import COOKIE, LOGIN, LOGOUT, SESSION_SECONDS, Access
from runtime.status_service.console.render import page

router = APIRouter()
MOST_LETTERS = 60


async def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


@router.get(LOGIN)
async def ask(request: Request, next: str = "/") -> Response:
    return page(request, "login.html", next=_own(next), wrong=False)


@router.post(LOGIN)
async def log_in(request: Request, access: Annotated[Access, Depends(_access)]) -> Response:
    form = parse_qs((await request.body()).decode(errors="replace"))
    given = form.get("token", [""])[0].strip()
    wanted = _own(form.get("next", ["/"])[0])
    role = access.role_of_token(given.encode())
    if role is None:
        return page(request, "login.html", status=401, next=wanted, wrong=True)
    answer = RedirectResponse(wanted, status_code=303)
    answer.set_cookie(
        COOKIE,
        access.open_session(role, form.get("name", [""])[0].strip()[:MOST_LETTERS]),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post(LOGOUT)
async def log_out() -> Response:
    answer = RedirectResponse(LOGIN, status_code=303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _own(path: str) -> str:
    """A path of this console, whatever the form says."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
