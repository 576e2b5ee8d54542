"""Administrator accounts: path -> service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gateway.admin.access import Actor, globally, somewhere
from gateway.admin.permissions import Permission
from gateway.admin.responses import errors
from gateway.admin.services import Services
from gateway.admin.users import service
from gateway.admin.users.schemas import User, UserCreate, UserList, UserUpdate

router = APIRouter(tags=["users"])
Reader = Annotated[Actor, Depends(somewhere(Permission.USERS_READ))]
Writer = Annotated[Actor, Depends(globally(Permission.USERS_WRITE))]
UserId = Annotated[str, Path(max_length=64)]


@router.get("/users", summary="List accounts", responses=errors(403))
async def list_users(actor: Reader, services: Services) -> UserList:
    """The accounts with a role in the tenants that one manages."""
    return await service.list_users(services, actor)


@router.post(
    "/users", summary="Create an account", status_code=201, responses=errors(403, 404, 409)
)
async def create_user(body: UserCreate, actor: Writer, services: Services) -> User:
    """Create an account. Needs a global role; only owners make owners."""
    return await service.create_user(services, actor, body)


@router.get("/users/{user_id}", summary="Get an account", responses=errors(403, 404))
async def get_user(user_id: UserId, actor: Reader, services: Services) -> User:
    """One account, with its roles in the tenants that one manages."""
    return await service.get_user(services, actor, user_id)


@router.patch("/users/{user_id}", summary="Change an account", responses=errors(403, 404, 409))
async def update_user(user_id: UserId, body: UserUpdate, actor: Writer, services: Services) -> User:
    """Disable an account, set its password or roles; its sessions end."""
    return await service.update_user(services, actor, user_id, body)
