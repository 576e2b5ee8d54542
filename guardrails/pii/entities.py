"""The kinds of personal data and secrets, and which one wins where findings overlap.

It knows names and ranks only; how a kind is found is the recognizers' matter.
"""

from typing import Final

# Kinds that share one rank, since the same digits may fit several of them: the score tells which
# (the nearest word first, then the stronger checksum).
NUMBERS: Final[tuple[str, ...]] = tuple(
    """
    ABA_ROUTING_NUMBER AT_SVNR AT_TAX_NUMBER AU_ABN AU_MEDICARE AU_TFN BE_NATIONAL_NUMBER BR_CNPJ
    BR_CPF CA_SIN CH_AHV CH_UID CN_RESIDENT_ID CN_USCC CREDIT_CARD DE_FUEHRERSCHEIN
    DE_HEALTH_INSURANCE DE_ID_CARD DE_SOCIAL_SECURITY DE_TAX_ID DE_TAX_NUMBER DK_CPR ES_CIF ES_NIE
    ES_NIF ES_SOCIAL_SECURITY FI_PERSONAL_IDENTITY_CODE FR_ID_CARD FR_NIR FR_SIREN FR_SIRET
    FR_TAX_ID HEALTH_INSURANCE_NUMBER IE_PPS IN_AADHAAR IN_GSTIN IN_IFSC IN_PAN IN_UPI IN_VOTER
    IT_DRIVER_LICENSE IT_FISCAL_CODE IT_IDENTITY_CARD IT_VAT_CODE JP_MY_NUMBER KR_RRN
    LICENSE_PLATE MEDICAL_LICENSE MEDICAL_RECORD_NUMBER MX_CURP MX_RFC NATIONAL_ID NL_BSN NO_FNR
    PASSPORT PHONE_NUMBER PL_ID_CARD PL_NIP PL_PESEL PL_REGON PT_NIF SE_PERSONNUMMER SG_NRIC_FIN
    TAX_ID TR_NATIONAL_ID UK_DRIVING_LICENCE UK_NHS UK_NINO UK_SORT_CODE UK_UTR US_BANK_NUMBER
    US_DRIVER_LICENSE US_EIN US_ITIN US_MBI US_NPI US_SSN VAT_ID ZA_ID_NUMBER
    """.split()
)
# Higher rank wins an overlap between findings of like length: a checksum or a key prefix says
# more than a word model does.
RANK: Final[dict[str, int]] = {
    "PRIVATE_KEY": 100,
    "CONNECTION_STRING": 98,
    "JWT": 96,
    "API_KEY": 95,
    "PASSWORD": 94,
    "URL": 92,
    "EMAIL_ADDRESS": 90,
    "IBAN_CODE": 88,
    "CRYPTO": 84,
    **dict.fromkeys(NUMBERS, 78),
    "IP_ADDRESS": 68,
    "MAC_ADDRESS": 66,
    "BIC": 64,
    "DATE_OF_BIRTH": 60,
    "AGE": 58,
    "STREET_ADDRESS": 50,
    "PERSON": 40,
    "ORGANIZATION": 30,
    "LOCATION": 20,
}

ALL_ENTITIES: Final[frozenset[str]] = frozenset(RANK)
# Found only where a policy names them: on their own they identify nobody, and an answer without
# its dates, nationalities and forms of address is a worse answer.
OPTIONAL_ENTITIES: Final[frozenset[str]] = frozenset({"DATE_TIME", "NRP", "TITLE"})
# What ``entities: default`` in a policy means. All others: a kind left out is a leak that
# nobody asked for, while a policy can always name fewer.
DEFAULT_ENTITIES: Final[frozenset[str]] = ALL_ENTITIES - OPTIONAL_ENTITIES
