"""The admin API: tenants, keys, budgets, usage and exports over HTTP, with roles.

``create_admin_api(services)`` is mounted at ``/admin/api/v1``;
``openapi_document()`` describes it without a database.
"""

from gateway.admin.app import create_admin_api, openapi_document
from gateway.admin.openapi import MOUNT
from gateway.admin.services import AdminOptions, AdminServices

__all__ = ["MOUNT", "AdminOptions", "AdminServices", "create_admin_api", "openapi_document"]
