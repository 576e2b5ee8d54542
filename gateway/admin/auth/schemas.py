"""Bodies of sign-in, sign-out and one's own account."""

from pydantic import Field

from gateway.admin.permissions import Permission
from gateway.admin.schemas import Email, Instant, Password, Schema
from gateway.tenants.roles import Role


class LoginRequest(Schema):
    email: Email
    password: str = Field(min_length=1, max_length=256, examples=["a long pass phrase"])


class RoleGrant(Schema):
    """A role for one tenant, or for all of them where ``tenant`` is null."""

    role: Role
    tenant: str | None = Field(examples=["acme"])


class TenantAbilities(Schema):
    """What one may do with the objects of a tenant."""

    tenant: str | None = Field(description="Null: every tenant, and the deployment itself.")
    permissions: list[Permission]


class Me(Schema):
    """The account that is signed in, for showing and hiding controls."""

    user_id: str = Field(examples=["usr_01k9..."])
    email: str = Field(examples=["owner@example.com"])
    roles: list[RoleGrant]
    abilities: list[TenantAbilities]
    csrf_token: str = Field(
        description="Send it as X-CSRF-Token with every changing call that uses the cookie."
    )
    session_expires_at: Instant


class LoginResponse(Me):
    """The account, and the session's token for scripts.

    A browser needs no token: it has the HttpOnly cookie.
    """

    token: str = Field(description="For scripts: send it as 'Authorization: Bearer <token>'.")


class PasswordChange(Schema):
    current_password: str = Field(min_length=1, max_length=256)
    new_password: Password
