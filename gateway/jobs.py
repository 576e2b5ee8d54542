"""The jobs of a deployment: which kinds there are, when they are due, who runs them.

A gateway process and the Celery worker build the same from the same settings.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from billing import (
    AlertChannels,
    FocusTask,
    JobContext,
    JobSettings,
    Schedule,
    TaskRegistry,
    default_tasks,
    deliver_alerts,
    register_exporter,
)
from billing.invoices.terms import InvoiceTerms
from billing.jobs.invoice_files import InvoiceFiles
from billing.jobs.invoicing import DraftInvoices
from core.clock import Clock
from core.database import Database
from gateway.admin.exports.audit_exporter import register_audit_export
from gateway.audit import Signer
from gateway.audit.verification import register_verification
from gateway.batches.jobs import BatchWork, register_batches
from gateway.evidence.exporter import EvidenceExporter
from gateway.evidence.files import FORMATS as EVIDENCE_FORMATS
from gateway.evidence.files import EvidenceMaker
from gateway.reports import RERATE, Reports, SavingsExport, check_rerate
from gateway.retention.jobs import register_retention
from gateway.retention.rules import RetentionRules
from gateway.settings import PolicySettings, Settings, parse_settings

NO_CHANNELS = AlertChannels()
KEPT_FOR_EVER = RetentionRules()
NO_POLICIES: Mapping[str, PolicySettings] = MappingProxyType({})


def job_settings(settings: Settings, runner: str = "local") -> JobSettings:
    """Where jobs of this deployment are kept, when they are due and who runs them."""
    jobs = settings.jobs
    return JobSettings(
        database_url=settings.database.url,
        data_dir=settings.data_dir,
        broker_url=settings.redis.url,
        runner=runner,
        schedule=Schedule(jobs.schedule) if jobs.scheduled else None,
        retention=timedelta(days=jobs.retention_days),
    )


def job_tasks(
    key: Signer,
    clock: Clock,
    terms: InvoiceTerms,
    reports: Reports,
    channels: AlertChannels = NO_CHANNELS,
    rules: RetentionRules = KEPT_FOR_EVER,
    policies: Mapping[str, PolicySettings] = NO_POLICIES,
    batches: BatchWork | None = None,
) -> TaskRegistry:
    """Billing's kinds, those that need to know how invoices are issued and where alerts
    go, and the export of the audit trail signed with the deployment's key."""
    tasks = default_tasks()
    focus = FocusTask(terms)
    tasks.register("focus", focus, check=focus.check)
    files = InvoiceFiles(terms.font)
    tasks.register("invoice", files, check=files.check)
    drafts = DraftInvoices(terms)
    tasks.register("invoices.draft", drafts, check=drafts.check, deployment=True)
    register_audit_export(tasks, key, clock)
    register_verification(tasks)
    register_retention(tasks, key, rules)
    register_batches(tasks, batches or BatchWork(parse_settings({})))
    maker = EvidenceMaker(key, clock, rules, policies, terms.font)
    register_exporter(tasks, "evidence", EvidenceExporter(maker), set(EVIDENCE_FORMATS))
    savings = SavingsExport(reports)
    tasks.register("savings", savings, check=savings.check)
    register_exporter(tasks, "reconciliation", reports.export_reconciliation, {"xlsx"})
    tasks.register(RERATE, reports.rerate, check=check_rerate)

    async def deliver(database: Database, context: JobContext) -> dict[str, int]:
        return await deliver_alerts(database, context.clock, channels)

    tasks.register("alerts.deliver", deliver, deployment=True)
    return tasks
