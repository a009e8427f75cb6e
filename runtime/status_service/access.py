"""Who may do what: a token or a session that may look, and one that may act."""

import hashlib
import hmac
import secrets
import time
from typing import Literal
from urllib.parse import quote

from fastapi import Request, Security
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime import names
from runtime.status_service.errors import error

Role = Literal["look", "act"]
COOKIE = "oodt_session"
SESSION_SECONDS = 12 * 3600
LOGIN, LOGOUT = "/login", "/logout"
OPEN = ("/healthz", "/metrics", "/openapi.json", LOGIN)
SAFE_METHODS = ("GET", "HEAD")
WHO = names.WHO_HEADER.lower().encode()
# It only tells the OpenAPI document. The guard below decides, for routes that do not exist too.
NEEDS_TOKEN = Security(
    HTTPBearer(
        scheme_name="token",
        description="Output status_token of the stack; status_look_token where nothing is changed",
        auto_error=False,
    )
)


class Access:
    """The two tokens, and the sessions of browsers that have shown one of them.

    A session is signed, not stored: it outlives the service, and ends with its token or after some hours.
    """

    def __init__(self, *, act: str, look: str = "") -> None:
        tokens: dict[Role, str] = {"act": act, "look": look}
        self._tokens = {role: token.encode() for role, token in tokens.items() if token}

    def role_of_token(self, token: bytes) -> Role | None:
        found: Role | None = None
        for role, known in self._tokens.items():
            if hmac.compare_digest(token, known):
                found = found or role
        return found

    def open_session(self, role: Role, name: str = "") -> str:
        """What the browser shall keep, which is not the token. NAME is for the record of what is done."""
        ends = int(time.time()) + SESSION_SECONDS
        session = f"{role}.{ends}.{secrets.token_urlsafe(12)}.{name.encode().hex()}"
        return f"{session}.{self._signature(role, session)}"

    def role_of_session(self, value: str) -> Role | None:
        session, _, signature = value.rpartition(".")
        for role in self._tokens:
            if session.startswith(f"{role}.") and hmac.compare_digest(
                signature.encode(), self._signature(role, session).encode()
            ):
                return role if int(session.split(".")[1]) > time.time() else None
        return None

    @staticmethod
    def name_of_session(value: str) -> str:
        """Who has opened it, of a session that is one."""
        return bytes.fromhex(value.split(".")[3]).decode()

    def _signature(self, role: Role, session: str) -> str:
        return hmac.new(self._tokens[role], f"session\0{session}".encode(), hashlib.sha256).hexdigest()


class Guard:
    """Lets a request pass if it may, and notes its role. HEAD is answered as GET is, without the body."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        role = self._role(request)
        if refusal := _refusal(request, role):
            await refusal(scope, receive, send)
            return
        request.state.role = role
        headers = scope["headers"]
        if role and "Authorization" not in request.headers:
            name = self._access.name_of_session(request.cookies[COOKIE]) or "somebody in the console"
            headers = [
                *(pair for pair in headers if pair[0] != WHO),
                (WHO, name.encode("latin-1", "replace")),
            ]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await self._app({**scope, "method": method, "headers": headers}, receive, send)

    def _role(self, request: Request) -> Role | None:
        # Starlette decodes a header's bytes by this code, which has a character for each.
        given = request.headers.get("Authorization", "").encode("latin-1")
        if given:
            scheme, _, token = given.partition(b" ")
            return self._access.role_of_token(token) if scheme.lower() == b"bearer" else None
        return self._access.role_of_session(request.cookies.get(COOKIE, ""))


def _refusal(request: Request, role: Role | None) -> Response | None:
    path, changes = request.url.path, request.method not in SAFE_METHODS
    by_browser = "Authorization" not in request.headers and (role or path == LOGIN)
    if changes and by_browser and _is_foreign(request):
        return error(403, "a page of another address asks for this: open the console itself")
    if path in OPEN or path.startswith("/static/"):
        return None
    if role is None:
        return _login_first(request)
    if changes and role != "act" and path != LOGOUT:
        return error(403, "this token may look only: use the one of the stack's output status_token")
    return None


def _is_foreign(request: Request) -> bool:
    """Browsers say of which page such a request is. They send the cookie for this host's other ports too."""
    return request.headers.get("Origin") != f"{request.url.scheme}://{request.headers.get('Host')}"


def _login_first(request: Request) -> Response:
    path = request.url.path
    if path.startswith("/api/"):
        return error(401, "send the header Authorization: Bearer TOKEN", **{"WWW-Authenticate": "Bearer"})
    asked = path + (f"?{request.url.query}" if request.url.query else "")
    login = f"{LOGIN}?next={quote(asked, safe='')}" if asked != "/" else LOGIN
    if "HX-Request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": LOGIN})
    return RedirectResponse(login, status_code=303)
