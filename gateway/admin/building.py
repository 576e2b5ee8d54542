"""The admin API over the running parts of a gateway."""

from starlette.types import ASGIApp

from gateway.admin.app import create_admin_api
from gateway.admin.explain.throttle import ExplainThrottle
from gateway.admin.services import AdminOptions, AdminServices, PriceServices, PrivacyServices
from gateway.admin.system.view import SettingsView
from gateway.invoicing import invoice_terms
from gateway.prices import served_models
from gateway.reports import Reports
from gateway.state import PATIENCE, GatewayState


def build_admin(state: GatewayState) -> ASGIApp:
    """Takes most of a second the first time: this module's imports.

    Nothing of it is read or opened, so it may run in any thread.
    """
    settings = state.settings
    return create_admin_api(
        AdminServices(
            database=state.database.answering_within(PATIENCE * settings.database.timeout_s),
            clock=state.clock,
            pepper=state.pepper,
            key_cache=state.keys,
            budget_changes=state.budgets,
            jobs=state.jobs,
            system=SettingsView(settings, state.prices, state.upstreams),
            policies=frozenset(settings.policies),
            privacy=PrivacyServices(
                engine=state.guards.pii,
                recognizers=state.recognizers,
                sealer=state.sealer,
                policies=settings.policies,
                throttle=ExplainThrottle(state.clock),
            ),
            trail=state.trail,
            prices=PriceServices(state.prices, served_models(settings)),
            upstreams=state.upstream_desk,
            reports=Reports(state.prices.store, settings.tiers, state.clock),
            alert_webhooks=frozenset(settings.alerts.webhooks),
            invoice_terms=invoice_terms(settings, state.clock),
            options=AdminOptions(
                secure_cookies=settings.server.secure_cookies,
                require_reason=settings.audit.require_reason,
            ),
        )
    )
