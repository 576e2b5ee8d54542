"""Errors of money.

SovgateError
└── BillingError
    ├── InvalidUsage         negative counts, floats, token classes that do not add up
    ├── InvalidPrice         a price version that is no price
    │   ├── OverlappingPrices   two versions of one model hold at the same instant
    │   ├── MixedCurrencies     a version in another currency, and no exchange rate at all
    │   └── NamedInFile         an entry about something that the settings file decides
    ├── UnknownPriceEntry    no such entry of the price book
    ├── UnpricedModel        no price holds: refused, or served and reported; never forgotten
    │   └── NoExchangeRate      one does, in a currency that has no rate into the ledger's
    ├── InvalidBudget        a budget that cannot be kept
    ├── UnknownBudget        no such budget in this tenant
    ├── UnknownRaise         no such raise of this budget
    ├── AlertError           an alert that did not arrive: it is tried again
    │   ├── AlertRefused        the webhook or the mail server says no
    │   ├── AlertUnreachable    it does not answer
    │   └── UnknownChannel      the settings have no such webhook, or no mail server
    ├── BudgetExceeded       a hard budget has no money left for the request
    ├── BudgetUnavailable    the lease ran out and the database does not answer: deny
    ├── InvalidSettlement    a settlement whose parts contradict each other
    ├── LedgerMismatch       entries, records and balances disagree: stop and look
    ├── InvalidReport        an unknown grouping, format or span of time
    ├── InvalidPlan          a workload or a requirement that cannot be planned for
    │   └── UnknownDevice       no published facts of this device
    ├── InvoiceError
    │   ├── InvalidProfile      a billing profile that cannot be billed to
    │   ├── UnknownProfile      nobody said who the tenant is on paper
    │   ├── InvalidInvoice      an amount, a line or a format that an invoice cannot have
    │   ├── UnknownInvoice      no such invoice in this tenant
    │   ├── NothingToInvoice    a month without an entry
    │   ├── InvoiceNotReady     the month is not over, an earlier one is open, no seller, no rate
    │   ├── InvoiceFinal        it is final already
    │   ├── InvoiceChanged      the draft is not what the caller has seen
    │   ├── CreditTooLarge      credit notes of more than their invoice
    │   └── PeriodInvoiced      a correction dated into a month that is invoiced
    ├── UnknownJob           no such job in this tenant
    ├── UnknownJobKind       nothing registered does this kind of job
    ├── InvalidJob           parameters that the kind does not take
    ├── JobKeyReused         an idempotency key that belongs to another job
    ├── JobStateConflict     a retry of a job that has not failed, say
    └── InvalidSchedule      a cadence that is none, or of a kind that is not scheduled
"""

from datetime import datetime

from core.clock import isoformat
from core.errors import SovgateError


class BillingError(SovgateError):
    """Something about money is wrong."""

    code = "billing_error"


class InvalidUsage(BillingError):
    """Token counts that cannot be."""

    code = "invalid_usage"


class InvalidPrice(BillingError):
    """A price version that is no price."""

    code = "invalid_price"


class OverlappingPrices(InvalidPrice):
    """Two versions of one model hold at the same instant."""

    code = "overlapping_prices"


class MixedCurrencies(InvalidPrice):
    """A version in another currency than the ledger's, without an exchange rate."""

    code = "mixed_currencies"


class NamedInFile(InvalidPrice):
    """An entry about something that the settings file names, and so decides alone."""

    code = "named_in_file"


class UnknownPriceEntry(BillingError):
    """No such entry of the price book in the database, or it is archived already."""

    code = "unknown_price_entry"


class UnpricedModel(BillingError):
    """No price holds for a model at an instant."""

    code = "unpriced_model"


class NoExchangeRate(UnpricedModel):
    """A price in a currency that had no rate into the ledger's at that instant."""

    code = "no_exchange_rate"


class InvalidBudget(BillingError):
    """A budget that cannot be kept."""

    code = "invalid_budget"


class UnknownBudget(BillingError):
    """No such budget in this tenant."""

    code = "unknown_budget"


class UnknownRaise(BillingError):
    """No such raise of this budget."""

    code = "unknown_raise"


class AlertError(BillingError):
    """An alert that did not arrive."""

    code = "alert_error"


class AlertRefused(AlertError):
    """The webhook or the mail server did not take it."""

    code = "alert_refused"


class AlertUnreachable(AlertError):
    """The webhook or the mail server does not answer."""

    code = "alert_unreachable"


class UnknownChannel(AlertError):
    """A webhook that the settings do not have, or mail without a mail server."""

    code = "unknown_alert_channel"


class BudgetExceeded(BillingError):
    """A hard budget has no money left for the request.

    ``scope`` (organisation, tenant, project, key or end_user), ``scope_id`` (``*`` of
    an end user: nobody is named), ``period`` (day, month or total) and ``resets_at``
    (``None`` for a total budget) name the budget.
    """

    code = "budget_exceeded"

    def __init__(
        self, *, scope: str, scope_id: str, period: str, resets_at: datetime | None
    ) -> None:
        when = f"resets at {isoformat(resets_at)}" if resets_at else "does not reset"
        whose = "this end user" if scope == "end_user" else f"{scope} {scope_id}"
        super().__init__(
            f"The {period} budget of {whose} has no money left for this request; it "
            f"{when}. Lower max_tokens or ask an administrator to raise the budget.",
            scope=scope,
            scope_id=scope_id,
            period=period,
            resets_at=resets_at,
        )
        self.scope = scope
        self.scope_id = scope_id
        self.period = period
        self.resets_at = resets_at


class BudgetUnavailable(BillingError):
    """The budget cannot be asked, so the request is denied."""

    code = "budget_unavailable"


class InvalidSettlement(BillingError):
    """A settlement whose parts contradict each other."""

    code = "invalid_settlement"


class LedgerMismatch(BillingError):
    """Entries, records and balances disagree."""

    code = "ledger_mismatch"


class InvalidReport(BillingError):
    """An unknown grouping, format or span of time."""

    code = "invalid_report"


class InvalidPlan(BillingError):
    """A workload or a requirement that cannot be planned for."""

    code = "invalid_plan"


class UnknownDevice(InvalidPlan):
    """No published facts of a device."""

    code = "unknown_device"


class InvoiceError(BillingError):
    """Something about invoices and who is billed is wrong."""

    code = "invoice_error"


class InvalidProfile(InvoiceError):
    """A billing profile that cannot be billed to."""

    code = "invalid_billing_profile"


class UnknownProfile(InvoiceError):
    """A tenant without a billing profile."""

    code = "unknown_billing_profile"


class InvalidInvoice(InvoiceError):
    """An amount, a line or a format that an invoice cannot have."""

    code = "invalid_invoice"


class UnknownInvoice(InvoiceError):
    """No such invoice in this tenant."""

    code = "unknown_invoice"


class NothingToInvoice(InvoiceError):
    """A month without an entry of the tenant."""

    code = "nothing_to_invoice"


class InvoiceNotReady(InvoiceError):
    """Something else has to happen before this invoice can be issued."""

    code = "invoice_not_ready"


class InvoiceFinal(InvoiceError):
    """The invoice is final: it never changes."""

    code = "invoice_final"


class InvoiceChanged(InvoiceError):
    """The draft is not what the caller has seen."""

    code = "invoice_changed"


class CreditTooLarge(InvoiceError):
    """Credit notes would add up to more than their invoice."""

    code = "credit_too_large"


class PeriodInvoiced(InvoiceError):
    """A correction dated into a month that is invoiced already."""

    code = "period_invoiced"


class UnknownJob(BillingError):
    """No such job in this tenant."""

    code = "unknown_job"


class UnknownJobKind(BillingError):
    """Nothing registered does this kind of job."""

    code = "unknown_job_kind"


class InvalidJob(BillingError):
    """Parameters that a kind of job does not take."""

    code = "invalid_job"


class JobKeyReused(BillingError):
    """An idempotency key that belongs to another job."""

    code = "job_key_reused"


class JobStateConflict(BillingError):
    """What was asked for needs the job in another state."""

    code = "job_state_conflict"


class InvalidSchedule(BillingError):
    """A cadence that is none, or of a kind that is not scheduled."""

    code = "invalid_schedule"
