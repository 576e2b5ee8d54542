"""The admin API: tenants, keys, budgets, usage and exports over HTTP, with roles.

``create_admin_api(services)`` is mounted at ``MOUNT``; ``openapi_document()`` describes it
without a database. Names load their modules when first used: FastAPI and the schemas take most
of a second and 30 MB, which a gateway that nobody administers does without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.admin.app import create_admin_api, openapi_document
    from gateway.admin.services import AdminOptions, AdminServices

MOUNT = "/admin/api/v1"
__all__ = ["MOUNT", "AdminOptions", "AdminServices", "create_admin_api", "openapi_document"]

_HOME = {
    "AdminOptions": "services",
    "AdminServices": "services",
    "create_admin_api": "app",
    "openapi_document": "app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gateway.admin' has no attribute {name!r}")
    return getattr(import_module(f"gateway.admin.{_HOME[name]}"), name)
