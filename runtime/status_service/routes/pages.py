"""The page for people."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from runtime.status_service.page import PAGE, POLICY

router = APIRouter()


@router.get(
    "/",
    response_class=HTMLResponse,
    summary="The page for people, without data; it asks for the token",
    openapi_extra={"security": []},
)
async def page() -> HTMLResponse:
    return HTMLResponse(
        PAGE, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    )
