"""Drafts of all tenants at once: one that cannot be billed yet stops no other."""

from billing.invoices.monthly import draft_month
from tests.billing.invoices.conftest import Office, instant

AT = instant("2026-11-05 10:00")


async def test_every_tenant_is_looked_at_and_again_does_no_harm(office: Office) -> None:
    for tenant in ("acme", "globex", "initech", "umbrella"):
        await office.adjust("1", tenant=tenant, at=AT)
    for tenant in ("acme", "globex", "silent"):
        await office.profile(tenant)
    await office.profile("umbrella", currency="EUR")  # there is no rate into it
    await office.issue("2026-11", "globex")
    drafts = await draft_month(office.database, office.clock, "2026-11", office.terms)
    assert list(drafts.drafted) == ["acme"]
    assert (drafts.final, drafts.empty) == (["globex"], ["silent"])
    assert drafts.not_ready == {
        "initech": "unknown_billing_profile",
        "umbrella": "invoice_not_ready",
    }
    await office.adjust("2", tenant="acme", at=AT)
    again = await draft_month(office.database, office.clock, "2026-11", office.terms)
    assert again == drafts
    async with office.database.session() as session:
        document = await office.invoices.get(session, "acme", drafts.drafted["acme"])
    assert (document.invoice.total, document.invoice.created_by) == (3, "schedule")
    await office.check()
