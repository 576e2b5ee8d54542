"""The root of the error tree carries a code, a sentence and the objects concerned."""

from core.errors import SovgateError
from core.money import InvalidAmount


def test_carries_message_param_and_context() -> None:
    error = SovgateError("Do this.", param="model", tenant="acme", limit=3)
    assert (str(error), error.message, error.param) == ("Do this.", "Do this.", "model")
    assert error.context == {"tenant": "acme", "limit": 3}


def test_code_belongs_to_the_class() -> None:
    assert SovgateError.code == "internal_error"
    assert InvalidAmount("Say it so.").code == "invalid_amount"
