"""Tables of national numbers: found with a right checksum or beside their word, else left alone.

The numbers are made up; checksums are real.
"""

# A row of a table reads best on one line.

import pytest

from guardrails.pii import PiiEngine
from guardrails.pii.entities import NUMBERS
from guardrails.pii.recognizers.national.fields import is_field_name
from guardrails.pii.recognizers.national_ids import national_id_rules

FOUND = [
    ("US_SSN", "078-05-1120 on file", "078-05-1120"),
    ("US_SSN", '{"ssn": "536323065"}', "536323065"),
    ("US_ITIN", "filed under 912-90-3456.", "912-90-3456"),
    ("US_EIN", "EIN 52-1234567", "52-1234567"),
    ("US_EIN", "Tax ID: 52-1234567", "52-1234567"),
    ("ABA_ROUTING_NUMBER", "routing number 121000358", "121000358"),
    ("US_BANK_NUMBER", "checking account 000123456789", "000123456789"),
    ("US_NPI", "NPI: 1245319599", "1245319599"),
    ("MEDICAL_LICENSE", "DEA number AB1234563", "AB1234563"),
    ("US_MBI", "card 1EG4-TE5-MK73 expired", "1EG4-TE5-MK73"),
    ("US_DRIVER_LICENSE", "driver's license D1234567", "D1234567"),
    ("CA_SIN", "SIN 046 454 286", "046 454 286"),
    ("BR_CPF", "529.982.247-25 is mine", "529.982.247-25"),
    ("BR_CNPJ", "a 11.222.333/0001-81", "11.222.333/0001-81"),
    ("MX_CURP", "BOXW310820HNERXN09", "BOXW310820HNERXN09"),
    ("UK_NINO", "AB 12 34 56 C please", "AB 12 34 56 C"),
    ("UK_NHS", "NHS number 943 476 5919", "943 476 5919"),
    ("UK_NHS", "NHS: 9434765919", "9434765919"),
    ("UK_UTR", "my UTR is 1955839661", "1955839661"),
    ("UK_DRIVING_LICENCE", "MORGA753116SM9IJ is it", "MORGA753116SM9IJ"),
    ("UK_SORT_CODE", "sort code 20-00-00", "20-00-00"),
    ("IE_PPS", "PPS No. 1234567T", "1234567T"),
    ("DE_TAX_ID", "IdNr. 86 095 742 719", "86 095 742 719"),
    ("DE_TAX_NUMBER", "St.-Nr. 93/815/08152", "93/815/08152"),
    ("DE_SOCIAL_SECURITY", "15070649C103 gilt", "15070649C103"),
    ("DE_HEALTH_INSURANCE", "Versichertennummer A123456780", "A123456780"),
    ("DE_ID_CARD", "Ausweisnummer L01X00T471", "L01X00T471"),
    ("DE_FUEHRERSCHEIN", "Führerschein-Nr. B072RRE2I55", "B072RRE2I55"),
    ("AT_SVNR", "SVNR 1237 010180", "1237 010180"),
    ("CH_AHV", "756.9217.0769.85", "756.9217.0769.85"),
    ("CH_UID", "CHE-107.787.577", "CHE-107.787.577"),
    ("FR_NIR", "le 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
    ("FR_TAX_ID", "numéro fiscal 07 01 987 765 493", "07 01 987 765 493"),
    ("FR_SIREN", "SIREN 732 829 320", "732 829 320"),
    ("FR_SIRET", "au 732 829 320 00074", "732 829 320 00074"),
    ("FR_ID_CARD", "carte d'identité 880692310285", "880692310285"),
    ("ES_NIF", "con 12345678Z firmo", "12345678Z"),
    ("ES_NIF", "dni:12.345.678-z", "12.345.678-z"),
    ("ES_NIE", "NIE X1234567L", "X1234567L"),
    ("ES_CIF", "CIF A58818501", "A58818501"),
    ("ES_SOCIAL_SECURITY", "NUSS 28/12345678/40", "28/12345678/40"),
    ("IT_FISCAL_CODE", "sono rssmra85t10a562s", "rssmra85t10a562s"),
    ("IT_VAT_CODE", "partita IVA 00743110157", "00743110157"),
    ("IT_IDENTITY_CARD", "carta d'identità CA12345AB", "CA12345AB"),
    ("PT_NIF", "contribuinte 501 442 600", "501 442 600"),
    ("PL_PESEL", "44051401359 to ja", "44051401359"),
    ("PL_NIP", "NIP 123-456-32-18", "123-456-32-18"),
    ("PL_REGON", "REGON: 123456785", "123456785"),
    ("PL_ID_CARD", "dowód ABA300000", "ABA300000"),
    ("NL_BSN", "bsn=111222333", "111222333"),
    ("BE_NATIONAL_NUMBER", "85.07.30-033.28", "85.07.30-033.28"),
    ("SE_PERSONNUMMER", "811228-9874 är", "811228-9874"),
    ("DK_CPR", "CPR 211062-5629", "211062-5629"),
    ("NO_FNR", "fødselsnummer 15108695088", "15108695088"),
    ("FI_PERSONAL_IDENTITY_CODE", "131052-308T on", "131052-308T"),
    ("CN_RESIDENT_ID", "身份证11010519491231002X，", "11010519491231002X"),
    ("CN_RESIDENT_ID", "身份证号110105491231002", "110105491231002"),
    ("CN_USCC", "91350100M000100Y43", "91350100M000100Y43"),
    ("IN_AADHAAR", "2345 6789 0124", "2345 6789 0124"),
    ("IN_PAN", "PAN ABCPE1234F", "ABCPE1234F"),
    ("IN_GSTIN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
    ("IN_VOTER", "voter ID ABC1234567", "ABC1234567"),
    ("IN_IFSC", "IFSC HDFC0001234", "HDFC0001234"),
    ("IN_UPI", "pay greta@okaxis now", "greta@okaxis"),
    ("JP_MY_NUMBER", "My Number 1234 5678 9018", "1234 5678 9018"),
    ("KR_RRN", "971013-9019902", None),
    ("KR_RRN", "주민등록번호 971013-1019908", "971013-1019908"),
    ("SG_NRIC_FIN", "NRIC S1234567D", "S1234567D"),
    ("AU_TFN", "TFN 123 456 782", "123 456 782"),
    ("AU_MEDICARE", "Medicare number 2123 45670 1", "2123 45670 1"),
    ("AU_ABN", "ABN 51 824 753 556", "51 824 753 556"),
    ("ZA_ID_NUMBER", "SA ID 7503305044089", "7503305044089"),
    ("TR_NATIONAL_ID", "TC Kimlik No 17291716060", "17291716060"),
    ("VAT_ID", "DE136695976 und", "DE136695976"),
    ("VAT_ID", "UID-Nummer ATU13585627", "ATU13585627"),
    ("PASSPORT", "passport no. C01X00T47", "C01X00T47"),
    ("LICENSE_PLATE", "plate AB12 CDE", "AB12 CDE"),
    ("LICENSE_PLATE", "targa AB 123 CD", "AB 123 CD"),
    ("LICENSE_PLATE", "MH 12 AB 1234 parked", "MH 12 AB 1234"),
    ("MEDICAL_RECORD_NUMBER", "MRN: 00482913", "00482913"),
    ("HEALTH_INSURANCE_NUMBER", "member ID XYZ123456789", "XYZ123456789"),
    ("NATIONAL_ID", "national ID number 99-1234567", "99-1234567"),
    ("TAX_ID", "TIN: 00-11-22-33-44", None),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "value"), FOUND)
def test_found(patterns: PiiEngine, entity: str, text: str, value: str | None) -> None:
    found = [(span.entity_type, text[span.start : span.end]) for span in patterns.detect(text)]
    assert ((entity, value) in found) is (value is not None), found


LEFT_ALONE = [
    "123456782 units in 123456785 boxes",
    "12345678A is part of the list",
    "order 86095742718 shipped",
    "reference 1245319590 and 9434765918",
    "PN-111222333-A, SKU123456782",
    "ein 521234567 und sin 046454286",
    "ISBN 978-3-16-148410-0, EAN 4006381333931",
    "1.299.000,00 EUR and $12,345,678.90",
    "tracking JD014600006281230704, 1Z999AA10123456784",
    "2024-05-01T10:00:00Z INFO 200",
    "build 20240501.123456 of 10.0.19045.3803",
    "11010519491231002Y 110105194913310021",
    "756.1234.5678.90 and 756.9217.0769.84",
    "ABCD1234567890EFGH",
    "M-24 and A 4, B2B, 4x4",
    "000-12-3456, 666-12-3456",
    "RFC 2616, RTX 4090, ISO 27001",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_left_alone(patterns: PiiEngine, text: str) -> None:
    assert [(span.entity_type, text[span.start : span.end]) for span in patterns.detect(text)] == []


NEARER = [
    ("BSN 123456782, SIN 123456782", ["NL_BSN", "CA_SIN"]),
    ("TFN 123456782 or phone 612345678", ["AU_TFN", "PHONE_NUMBER"]),
    ("NHS number 9434765919, tel 2025550143", ["UK_NHS", "PHONE_NUMBER"]),
    ("passport 912345678, routing number 121000358", ["PASSPORT", "ABA_ROUTING_NUMBER"]),
]


@pytest.mark.parametrize(("text", "kinds"), NEARER)
def test_the_nearest_word_tells_the_kind(patterns: PiiEngine, text: str, kinds: list[str]) -> None:
    assert [span.entity_type for span in patterns.detect(text)] == kinds


def test_every_kind_of_the_tables_has_a_rank() -> None:
    assert set(national_id_rules()) <= set(NUMBERS)


@pytest.mark.parametrize(
    "value", ["PESEL", "Steuer-ID", "VAT reg", "Singapore NRIC", "TC Kimlik No"]
)
def test_names_of_fields(value: str) -> None:
    assert is_field_name(value)


@pytest.mark.parametrize(
    "value", ["", "Greta Vogel", "Singapore", "Visa Inc.", "Client Eastwood", "Sin City"]
)
def test_names_of_others(value: str) -> None:
    assert not is_field_name(value)
