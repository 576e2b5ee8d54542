"""Minor units of currencies (ISO 4217), and the one rounding of what is payable."""

from decimal import ROUND_HALF_UP, Decimal

from core.money import EXACT

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
# Places after the point where they are not two.
_PLACES = {
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}


def minor_places(currency: str) -> int:
    """How many places after the point an amount of a currency can be paid in."""
    return _PLACES.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> Decimal:
    """Round half up (away from zero), as tax offices and accountants do.

    Half-even would be as exact on average; but a reader who checks an invoice by
    hand rounds 0.125 to 0.13.

    >>> [str(to_minor(Decimal("0.125"), currency)) for currency in ("EUR", "JPY", "KWD")]
    ['0.13', '0', '0.125']
    """
    unit = Decimal(1).scaleb(-minor_places(currency))
    return amount.quantize(unit, rounding=ROUND_HALF_UP, context=EXACT)
