"""Bodies of the endpoints for administrator accounts."""

from pydantic import Field

from gateway.admin.auth.schemas import RoleGrant
from gateway.admin.schemas import Email, Instant, Password, Schema


class User(Schema):
    id: str = Field(examples=["usr_01k9..."])
    email: str = Field(examples=["finance@example.com"])
    disabled: bool
    roles: list[RoleGrant] = Field(description="Only those in the tenants one may see.")
    created_at: Instant


class UserList(Schema):
    items: list[User]


class UserCreate(Schema):
    email: Email
    password: Password
    roles: list[RoleGrant] = Field(default=[], max_length=100)


class UserUpdate(Schema):
    """Only the fields that are sent change; every change ends the account's sessions."""

    disabled: bool | None = Field(default=None, strict=True)
    password: Password | None = None
    roles: list[RoleGrant] | None = Field(
        default=None, max_length=100, description="Replaces all roles."
    )
