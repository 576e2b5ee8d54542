"""Labels of other authors and the types that answer to them."""

import pytest

from guardrails.evaluation.spans import types_of
from guardrails.pii.entities import ALL_ENTITIES


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("ES_DNI", "ES_NIF"),
        ("DE_STEUER_ID", "DE_TAX_ID"),
        ("steuernummer", "DE_TAX_NUMBER"),
        ("NATIONAL_ID", "PL_PESEL"),
        ("ID_NUMBER", "CN_RESIDENT_ID"),
        ("TAX_ID", "IT_VAT_CODE"),
        ("CN_ID", "CN_RESIDENT_ID"),
        ("phoneNumber", "PHONE_NUMBER"),
        ("IN_DRIVING_LICENCE", "US_DRIVER_LICENSE"),
        ("US_BANK_ACCOUNT", "US_BANK_NUMBER"),
        ("LICENSE_PLATE", "LICENSE_PLATE"),
        ("MEDICAL_RECORD", "MEDICAL_RECORD_NUMBER"),
        ("EU_VAT_NUMBER", "VAT_ID"),
        ("bitcoin_address", "CRYPTO"),
        ("AWS_ACCESS_KEY", "API_KEY"),
        ("DOB", "DATE_OF_BIRTH"),
        ("CREDIT_CARD_NUMBER", "CREDIT_CARD"),
    ],
)
def test_a_label_finds_its_type(label: str, kind: str) -> None:
    assert kind in types_of(label)


@pytest.mark.parametrize("label", ["ES_DNI", "NL_BSN", "DE_TAX_ID", "FR_SPI", "CN_USCC"])
def test_a_country_is_answered_by_its_own_types(label: str) -> None:
    foreign = {kind for kind in types_of(label) if kind[2:3] == "_" and kind[:2] != label[:2]}
    assert foreign == set()


def test_an_unknown_label_stays_itself() -> None:
    assert types_of("FAVOURITE_COLOUR") == ("FAVOURITE_COLOUR",)
    assert set(types_of("IBAN")) <= ALL_ENTITIES
