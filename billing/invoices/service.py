"""Drafts and final invoices of a tenant's months.

Every method works in the caller's transaction, so that an audit record can stand
in it as well. Numbers and entries are given out under the tenant's lock.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing.errors import (
    InvoiceChanged,
    InvoiceFinal,
    InvoiceNotReady,
    NothingToInvoice,
)
from billing.invoices import repository
from billing.invoices.amounts import amounts
from billing.invoices.document import InvoiceDocument
from billing.invoices.lines import collect
from billing.invoices.loading import document_of, load
from billing.invoices.membership import Membership, membership
from billing.invoices.postings import post
from billing.invoices.profile import (
    Profile,
    Seller,
    find_profile,
    get_profile,
    unknown_profile,
)
from billing.invoices.repository import DRAFT, FINAL, INVOICE
from billing.invoices.terms import InvoiceTerms
from billing.locks import lock_tenants
from billing.models import Invoice, InvoiceLine
from billing.prices import ExchangeRate
from core.clock import Clock
from core.ids import new_id
from core.money import format_amount


class InvoiceService:
    """The invoices of a deployment; every method takes the tenant's scope."""

    def __init__(self, clock: Clock, terms: InvoiceTerms) -> None:
        self._clock = clock
        self._terms = terms

    async def draft(
        self, session: AsyncSession, tenant: str, month: str, *, author: str
    ) -> InvoiceDocument:
        """Draw up a month's invoice, or bring its draft up to date.

        Raises:
            NothingToInvoice: the month has no entries, or its late ones belong to
                a later invoice.
            UnknownProfile: nobody said who the tenant is on paper.
            InvoiceFinal: the month's invoice is final.
            InvoiceNotReady: there is no rate into the tenant's currency.
        """
        await lock_tenants(session, [tenant])
        member = await membership(session, tenant, month)
        found = await repository.of_month(session, tenant, month)
        if found is not None and found.status == FINAL:
            raise InvoiceFinal(f"The invoice of {month} is final: {found.number}.")
        profile = await find_profile(session, tenant)
        placeholder = Profile.placeholder(tenant, self._terms.currency)
        invoice = found or self._new(tenant, month, author)
        lines = await self._draw_up(session, invoice, member, profile or placeholder)
        if profile is None:
            raise unknown_profile(tenant)
        if found is None:
            session.add(invoice)
        await repository.replace_lines(session, invoice, lines)
        return InvoiceDocument(invoice, lines)

    async def preview(self, session: AsyncSession, tenant: str, month: str) -> InvoiceDocument:
        """The month's final invoice, or what a draft of it would say now; stores nothing.

        Raises:
            NothingToInvoice, InvoiceNotReady: as ``draft``.
        """
        found = await repository.of_month(session, tenant, month)
        if found is not None and found.status == FINAL:
            return await document_of(session, found)
        profile = await find_profile(session, tenant)
        profile = profile or Profile.placeholder(tenant, self._terms.currency)
        member = await membership(session, tenant, month)
        invoice = self._new(tenant, month, author="preview")
        lines = await self._draw_up(session, invoice, member, profile)
        return InvoiceDocument(invoice, lines)

    async def finalise(
        self,
        session: AsyncSession,
        tenant: str,
        name: str,
        *,
        author: str,
        expected_total: Decimal | None = None,
        force: bool = False,
    ) -> InvoiceDocument:
        """Issue a draft: it gets its number, its entries in the ledger, and never changes.

        It is drawn up once more, from all entries until now.

        Args:
            expected_total: what the caller has seen; another total is not issued.
            force: issue before the month is over; what is still used in it stands
                on the next invoice.

        Raises:
            UnknownInvoice: there is no such draft.
            InvoiceFinal: it is issued already.
            InvoiceNotReady: the month is not over, an earlier one is not issued, or
                there is no seller.
            InvoiceChanged: the total is not the expected one.
            NothingToInvoice, UnknownProfile: as ``draft``.
        """
        await lock_tenants(session, [tenant])
        invoice = await repository.get(session, tenant, name)
        if invoice.status == FINAL:
            raise InvoiceFinal(f"The invoice is final already: {invoice.number}.")
        profile = await get_profile(session, tenant)
        member = await membership(session, tenant, invoice.month)
        seller = self._check_ready(member, force)
        lines = await self._draw_up(session, invoice, member, profile)
        if expected_total is not None and invoice.total != expected_total:
            raise InvoiceChanged(
                f"The total is {format_amount(invoice.total)} {invoice.payable_currency} now; look "
                "at the draft again.",
                param="expected_total",
            )
        await repository.replace_lines(session, invoice, lines)
        invoice.seller = seller.to_json()
        return await issue(
            session, self._clock, self._terms.series, invoice, lines, author, profile.payment_days
        )

    async def get(self, session: AsyncSession, tenant: str, name: str) -> InvoiceDocument:
        """An invoice or credit note by id or number. Raises ``UnknownInvoice``."""
        return await load(session, tenant, name)

    async def of_month(self, session: AsyncSession, tenant: str, month: str) -> Invoice | None:
        """The month's draft or final invoice, if there is one."""
        return await repository.of_month(session, tenant, month)

    async def of_tenant(
        self, session: AsyncSession, tenant: str, *, month: str | None = None
    ) -> list[Invoice]:
        """Invoices and credit notes, the newest month first."""
        return await repository.list_invoices(session, tenant, month=month)

    def _new(self, tenant: str, month: str, author: str) -> Invoice:
        return Invoice(
            id=new_id("inv"),
            tenant=tenant,
            kind=INVOICE,
            status=DRAFT,
            month=month,
            created_at=self._clock.now(),
            created_by=author,
        )

    async def _draw_up(
        self, session: AsyncSession, invoice: Invoice, member: Membership, profile: Profile
    ) -> list[InvoiceLine]:
        """Fill an invoice from the ledger; the lines that it is to have."""
        if member.previous is not None and member.previous.ends_at > member.start:
            raise NothingToInvoice(
                f"A later month than {member.month} is invoiced: what came in since stands on the "
                "next invoice.",
                param="month",
            )
        lines, subtotal = await collect(session, member, profile, self._terms.currency)
        if not lines:
            raise NothingToInvoice(
                f"Tenant {member.tenant} has nothing to pay for in {member.month}.", param="month"
            )
        exchange = await self._terms.rate_into(session, profile.currency, member.end)
        self._set_amounts(invoice, member, profile, subtotal, exchange)
        names = await self._terms.project_names(session, member.tenant)
        seller = self._terms.seller
        invoice.seller = seller.to_json() if seller else {}
        invoice.buyer = _buyer(member.tenant, profile, names, lines)
        return lines

    def _set_amounts(
        self,
        invoice: Invoice,
        member: Membership,
        profile: Profile,
        subtotal: Decimal,
        exchange: ExchangeRate | None,
    ) -> None:
        rate = exchange.rate if exchange else None
        payable = amounts(subtotal, rate, profile.currency, profile.tax_percent)
        invoice.starts_at, invoice.ends_at = member.start, member.end
        invoice.last_entry = member.last_entry
        invoice.currency, invoice.payable_currency = self._terms.currency, profile.currency
        invoice.exchange_rate = rate
        invoice.exchange_since = exchange.effective_from if exchange else None
        invoice.exchange_source = exchange.source if exchange else None
        invoice.tax_label, invoice.tax_percent = profile.tax_label, profile.tax_percent
        for field in ("subtotal", "net", "rounding", "tax", "total"):
            setattr(invoice, field, getattr(payable, field))

    def _check_ready(self, member: Membership, force: bool) -> Seller:
        if member.pending is not None:
            raise InvoiceNotReady(
                f"The month {member.pending} is not invoiced yet: issue it first.", param="month"
            )
        if self._clock.now() < member.end and not force:
            raise InvoiceNotReady(
                f"The month {member.month} is not over; issue its invoice afterwards.",
                param="month",
            )
        if self._terms.seller is None:
            raise InvoiceNotReady("Nobody is named as the seller: set invoicing.seller first.")
        return self._terms.seller


async def issue(
    session: AsyncSession,
    clock: Clock,
    series: str,
    invoice: Invoice,
    lines: list[InvoiceLine],
    author: str,
    payment_days: int | None,
) -> InvoiceDocument:
    """Give a stored draft its number, its digest and its entries in the ledger.

    Args:
        payment_days: until it is due; ``None``: there is nothing to pay.
    """
    now = clock.now()
    invoice.number = await repository.next_number(session, f"{series}-{now:%Y}")
    invoice.issued_at, invoice.issued_by = now, author
    due = None if payment_days is None else now + timedelta(days=payment_days)
    invoice.due_at = due
    document = InvoiceDocument(invoice, lines)
    invoice.digest = document.digest()
    invoice.status = FINAL
    await session.flush()
    await post(session, invoice, author)
    return document


def _buyer(
    tenant: str, profile: Profile, names: Mapping[str, str], lines: Sequence[InvoiceLine]
) -> dict[str, Any]:
    """Who is billed, as it is now: a later change of the profile changes no invoice."""
    projects = {line.project_id for line in lines if line.project_id}
    return {
        "tenant": tenant,
        "legal_name": profile.legal_name,
        "address": profile.address,
        "tax_id": profile.tax_id,
        "email": profile.email,
        "payment_days": profile.payment_days,
        "projects": {project: names[project] for project in sorted(projects & names.keys())},
    }
