"""The Celery application of a deployment: ``celery -A gateway.celery_app worker``.

Reads the configuration that ``SOVGATE_CONFIG`` names. Without ``redis.url`` the
gateway runs the same task in its own process and no worker is needed.
"""

from billing import JobSettings
from billing.jobs.app import make_celery
from core.clock import SystemClock
from gateway.admin.exports.kinds import export_kinds
from gateway.audit import SigningKey
from gateway.errors import SettingsError
from gateway.settings import Settings, load_settings


def job_settings(settings: Settings, runner: str = "local") -> JobSettings:
    """Where jobs of this deployment are kept and who runs them."""
    return JobSettings(
        database_url=settings.database.url,
        data_dir=settings.data_dir,
        broker_url=settings.redis.url,
        runner=runner,
    )


def _make_app():
    settings = load_settings()
    if settings.redis.url is None:
        raise SettingsError("A Celery worker needs redis.url; without it the gateway runs jobs.")
    key = SigningKey.load_or_create(settings.audit.signing_key_file, settings.data_dir)
    return make_celery(job_settings(settings), export_kinds(key, SystemClock()))


def __getattr__(name: str):
    # Celery looks for `app`; made on demand, so that importing this module does nothing.
    if name in {"app", "celery"}:
        return _make_app()
    raise AttributeError(name)
