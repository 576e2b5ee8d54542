"""Money is Decimal, never float, with 18 places after the point."""

from decimal import Context, Decimal, Inexact, InvalidOperation

from core.errors import SovgateError

ZERO = Decimal(0)
SCALE = 18
# Wide enough that products of a 38-digit amount and a token count never round.
EXACT = Context(prec=76, traps=[InvalidOperation])
_PLACES = Decimal(1).scaleb(-SCALE)
_STRICT = Context(prec=76, traps=[InvalidOperation, Inexact])
_TYPES = (str, int, Decimal)


class InvalidAmount(SovgateError):
    """A text or number that is no amount of money."""

    code = "invalid_amount"


def parse_amount(value: str | int | Decimal) -> Decimal:
    """An exact Decimal.

    Raises:
        InvalidAmount: for floats, NaN, infinities and more than 18 places.
    """
    if isinstance(value, bool) or not isinstance(value, _TYPES):
        raise InvalidAmount(
            f"An amount must be a decimal text such as '0.15', not {type(value).__name__}."
        )
    try:
        amount = Decimal(value)
        if not amount.is_finite():
            raise InvalidOperation
        amount.quantize(_PLACES, None, _STRICT)  # by name it would take twice as long
    except (InvalidOperation, Inexact):
        raise InvalidAmount(
            "An amount must be a finite decimal with at most 18 places after the point."
        ) from None
    return amount


def quantize(amount: Decimal) -> Decimal:
    """Round half-even to 18 places: the one rounding, where a price ends in a fraction."""
    return amount.quantize(_PLACES, context=EXACT)


def format_amount(amount: Decimal) -> str:
    """Plain notation without exponent or trailing zeros.

    >>> [format_amount(Decimal(text)) for text in ("1.500", "1E+2", "-0")]
    ['1.5', '100', '0']
    """
    if not amount:
        return "0"
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
