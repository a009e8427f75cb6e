"""Who may ask: everything below /api needs the token."""

import hmac

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.status_service.errors import error

# It only tells the OpenAPI document. The guard below decides, for routes that do not exist too.
NEEDS_TOKEN = Security(
    HTTPBearer(scheme_name="token", description="Output status_token of the stack", auto_error=False)
)


class Guard:
    """Lets a request pass if it may. HEAD is answered as GET is, without the body."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            if request.url.path.startswith("/api/") and not self._may(request):
                refusal = error(
                    401, "send the header Authorization: Bearer TOKEN", **{"WWW-Authenticate": "Bearer"}
                )
                await refusal(scope, receive, send)
                return
            if scope["method"] == "HEAD":
                scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)

    def _may(self, request: Request) -> bool:
        # Starlette decodes a header's bytes by this code, which has a character for each.
        given = request.headers.get("Authorization", "").encode("latin-1")
        scheme, _, token = given.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token, self._token)
