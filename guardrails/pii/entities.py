"""The kinds of personal data and secrets, and which one wins where findings overlap.

It knows names and ranks only; how a kind is found is the recognizers' matter.
"""

from typing import Final

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
    "FR_NIR": 87,
    "CREDIT_CARD": 86,
    "CRYPTO": 84,
    "CN_RESIDENT_ID": 82,
    "DE_SOCIAL_SECURITY": 79,
    "DE_TAX_ID": 78,
    "DE_ID_CARD": 77,
    "UK_NHS": 76,
    "UK_NINO": 75,
    "US_SSN": 74,
    "US_DRIVER_LICENSE": 72,
    "PASSPORT": 70,
    "IP_ADDRESS": 68,
    "MAC_ADDRESS": 66,
    "BIC": 64,
    "PHONE_NUMBER": 62,
    "LICENSE_PLATE": 60,
    "DATE_OF_BIRTH": 58,
    "STREET_ADDRESS": 50,
    "PERSON": 40,
    "ORGANIZATION": 30,
    "LOCATION": 20,
}

ALL_ENTITIES: Final[frozenset[str]] = frozenset(RANK)
# What ``entities: default`` in a policy means. All of them: a kind left out is a leak that
# nobody asked for, while a policy can always name fewer.
DEFAULT_ENTITIES: Final[frozenset[str]] = ALL_ENTITIES
