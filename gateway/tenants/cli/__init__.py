"""The command line of organisations, tenants, projects, keys, accounts and budgets.

``sovgate organisation|tenant|project|key|user|budget ...`` works on the deployment's database
directly, with the same services as the admin API. A gateway that is running
notices within seconds.
"""

from gateway.tenants.cli.budgets import budget_app
from gateway.tenants.cli.keys import key_app
from gateway.tenants.cli.organisations import organisation_app
from gateway.tenants.cli.projects import project_app
from gateway.tenants.cli.tenants import tenant_app
from gateway.tenants.cli.users import user_app

__all__ = ["budget_app", "key_app", "organisation_app", "project_app", "tenant_app", "user_app"]
