"""The Celery application of a deployment: ``celery -A gateway.celery_app worker``, and
``beat`` once beside the workers.

Reads the configuration that ``SOVGATE_CONFIG`` names. Without ``redis.url`` the
gateway runs the same tasks in its own process and neither is needed.
"""

from billing.jobs.app import make_celery
from core.clock import SystemClock
from gateway.alerts import alert_channels
from gateway.audit import KeyFile
from gateway.batches.jobs import BatchWork
from gateway.egress import check_deployment
from gateway.errors import SettingsError
from gateway.invoicing import invoice_terms
from gateway.jobs import job_settings, job_tasks
from gateway.private import create_private_files
from gateway.reports import Reports
from gateway.retention.rules import RetentionRules
from gateway.settings import load_settings


def _make_app():
    create_private_files()
    settings = load_settings()
    if settings.redis.url is None:
        raise SettingsError("A Celery worker needs redis.url; without it the gateway runs jobs.")
    check_deployment(settings)
    key = KeyFile(settings.audit.signing_key_file, settings.data_dir)
    clock = SystemClock()
    terms = invoice_terms(settings, clock)
    channels = alert_channels(settings.alerts, settings.egress)
    tasks = job_tasks(
        key,
        clock,
        terms,
        Reports.of(settings, clock),
        channels,
        RetentionRules.of(settings),
        settings.policies,
        BatchWork(settings),
    )
    return make_celery(job_settings(settings), tasks)


def __getattr__(name: str):
    # Celery looks for `app`; made on demand, so that importing this module does nothing.
    if name in {"app", "celery"}:
        return _make_app()
    raise AttributeError(name)
