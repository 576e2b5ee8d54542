"""The admin API as a FastAPI application, mounted at /admin/api/v1.

Knows which domains there are and how errors leave; the rules stand in the
domains' services. It has no lifespan: whoever mounts it owns what it uses.
"""

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from gateway.admin import MOUNT, handlers, openapi
from gateway.admin.audit.endpoints import router as audit
from gateway.admin.auth.endpoints import router as auth
from gateway.admin.budgets.endpoints import router as budgets
from gateway.admin.explain.endpoints import router as explain
from gateway.admin.exports.endpoints import router as exports
from gateway.admin.invoices.endpoints import router as invoices
from gateway.admin.jobs.endpoints import router as jobs
from gateway.admin.keys.endpoints import router as keys
from gateway.admin.ledger.endpoints import router as ledger
from gateway.admin.middleware import BodyLimit
from gateway.admin.organisations.endpoints import router as organisations
from gateway.admin.overview.endpoints import router as overview
from gateway.admin.plan.endpoints import router as plan
from gateway.admin.prices.endpoints import router as prices
from gateway.admin.projects.endpoints import router as projects
from gateway.admin.recognizers.endpoints import router as recognizers
from gateway.admin.reports.endpoints import router as reports
from gateway.admin.requests.endpoints import router as requests
from gateway.admin.retention.endpoints import router as retention
from gateway.admin.services import AdminOptions, AdminServices
from gateway.admin.system.endpoints import router as system
from gateway.admin.tenants.endpoints import router as tenants
from gateway.admin.upstreams.endpoints import router as upstreams
from gateway.admin.usage.endpoints import router as usage
from gateway.admin.users.endpoints import router as users
from gateway.http.security import SecurityHeaders

ROUTERS: tuple[APIRouter, ...] = (
    auth,
    overview,
    organisations,
    tenants,
    projects,
    keys,
    budgets,
    recognizers,
    explain,
    usage,
    reports,
    ledger,
    prices,
    plan,
    invoices,
    exports,
    jobs,
    audit,
    requests,
    retention,
    users,
    upstreams,
    system,
)


def create_admin_api(services: AdminServices) -> FastAPI:
    """The API over these services; mount it at ``MOUNT``."""
    app = _routes(services.options)
    app.state.services = services
    return app


def _routes(options: AdminOptions) -> FastAPI:
    app = FastAPI(
        title="Sovgate admin API",
        version="1",
        description=openapi.DESCRIPTION,
        servers=[{"url": MOUNT}],
        root_path_in_servers=False,
        openapi_tags=openapi.TAGS,
        docs_url=None,  # those pages load scripts from a foreign host
        redoc_url=None,
        redirect_slashes=False,  # such a redirect names whatever host the request names
        generate_unique_id_function=_operation_id,
    )
    for router in ROUTERS:
        app.include_router(router)
    handlers.install(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=options.max_body_bytes)
    app.add_middleware(SecurityHeaders)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def openapi_document() -> dict[str, object]:
    """The OpenAPI document, made without a database or settings."""
    return openapi.document(_routes(AdminOptions()))
