"""From the exact sum of ledger entries to what is payable: pure arithmetic."""

from dataclasses import dataclass
from decimal import Decimal

from billing.invoices.currencies import to_minor
from core.money import EXACT, quantize

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Amounts:
    """``subtotal`` is in the ledger's currency, everything else in the payable one.

    ``net`` = ``converted`` + ``rounding`` and ``total`` = ``net`` + ``tax``, exactly.
    """

    subtotal: Decimal
    converted: Decimal
    net: Decimal
    rounding: Decimal
    tax: Decimal
    total: Decimal


def amounts(
    subtotal: Decimal, rate: Decimal | None, currency: str, tax_percent: Decimal
) -> Amounts:
    """What a subtotal comes to.

    The subtotal times the rate has up to 36 places; what is booked has 18. ``net``
    is rounded from the product itself, so nothing is rounded twice.

    Args:
        rate: what one unit of the ledger's currency is worth; ``None``: the same currency.
        currency: the payable one.
    """
    product = subtotal if rate is None else EXACT.multiply(subtotal, rate)
    net = to_minor(product, currency)
    return of_net(subtotal, rate, net, tax_of(net, currency, tax_percent))


def of_net(subtotal: Decimal, rate: Decimal | None, net: Decimal, tax: Decimal) -> Amounts:
    """The amounts around a net and a tax that are settled already."""
    converted = subtotal if rate is None else quantize(EXACT.multiply(subtotal, rate))
    rounding = EXACT.subtract(net, converted)
    return Amounts(subtotal, converted, net, rounding, tax, EXACT.add(net, tax))


def tax_of(net: Decimal, currency: str, percent: Decimal) -> Decimal:
    """The tax on a net amount, in minor units."""
    return to_minor(EXACT.divide(EXACT.multiply(net, percent), _HUNDRED), currency)
