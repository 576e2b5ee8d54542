"""Sign-in, sign-out, one's own account: path -> service."""

from fastapi import APIRouter, Request, Response

from gateway.admin.access import COOKIE, CurrentActor
from gateway.admin.auth import service
from gateway.admin.auth.schemas import LoginRequest, LoginResponse, Me, PasswordChange
from gateway.admin.responses import errors
from gateway.admin.services import AdminServices, Services

router = APIRouter(tags=["auth"])


@router.post("/login", summary="Sign in", responses=errors(429), openapi_extra={"security": []})
async def login(
    body: LoginRequest, request: Request, response: Response, services: Services
) -> LoginResponse:
    """Open a session: an HttpOnly cookie for browsers, a Bearer token for scripts."""
    address = request.client.host if request.client else ""
    replaced = request.cookies.get(COOKIE)
    answer = await service.login(services, body.email, body.password, address, replaced)
    _set_cookie(request, response, services, answer.token)
    return answer


@router.post("/logout", summary="Sign out", status_code=204, responses=errors(403))
async def logout(actor: CurrentActor, response: Response, services: Services) -> None:
    """End the session; its cookie and token are worthless from now on."""
    await service.logout(services, actor)
    response.delete_cookie(COOKIE, path="/admin")


@router.post(
    "/logout/everywhere", summary="Sign out everywhere", status_code=204, responses=errors(403)
)
async def logout_everywhere(actor: CurrentActor, response: Response, services: Services) -> None:
    """End every session of the account, this one included."""
    await service.logout_everywhere(services, actor)
    response.delete_cookie(COOKIE, path="/admin")


@router.get("/me", summary="Who am I", responses=errors())
async def get_me(actor: CurrentActor) -> Me:
    """The account that is signed in, what it may do, and its CSRF token."""
    return service.me(actor)


@router.post("/me/password", summary="Change my password", status_code=204, responses=errors(403))
async def change_password(body: PasswordChange, actor: CurrentActor, services: Services) -> None:
    """Set a new password and end the account's other sessions."""
    await service.change_password(services, actor, body.current_password, body.new_password)


def _set_cookie(request: Request, response: Response, services: AdminServices, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(services.options.session_lifetime.total_seconds()),
        path="/admin",
        secure=services.options.secure_cookies or request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
