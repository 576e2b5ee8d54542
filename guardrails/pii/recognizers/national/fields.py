"""What the fields of numbers are called, so that no word model takes "PESEL" for a person.

It knows words only; where a value consists of nothing else, it names a field and nobody.
"""

# Words, as many as fit a line.
# ruff: noqa: E501

import re
from typing import Final

_FIELDS: Final = frozenset(
    """
    ssn itin ein fein aba ach rtn npi dea mbi nino ni nhs utr dvla dl idnr id ids st sv rv rvnr kvnr svnr ahv avs uid
    ide mwst vat tva iva ust tin nir nss insee spi siren siret cni rcs dni nif nie tie cif nuss cf cie piva p pesel nip
    regon dowód dowod osobisty bsn insz niss cpr hetu pps ppsn pan gstin gst epic ifsc upi vpa tfn abn sin nas cpf cnpj
    curp rfc klant rrn nric fin tc tckn kimlik no nr mrn iban bic swift btc eth ltc xrp trx sol xmr usdt mac ip
    dob api jwt key token aadhaar aadhar uidai codice fiscale partita carta identità steuer personalausweis perso
    ausweis führerschein führerscheinnr reisepass passnummer passport passeport pasaporte passaporto paszport paspoort
    kennzeichen nummernschild krankenkasse kreditkarte karte konto kontonummer telefon handy mobil medicare medicaid
    routing account acct plate license licence number numer numéro número numero nummer code card insurance social
    national security tax taxpayer fiscal registration reg dossier klient client cliente kunde kundin id-nr ref
    reference invoice ticket order klantnummer henkilötunnus contribuinte kenteken targa matrícula immatriculation
    sécurité sociale insurance registre rijksregister burgerservicenummer rijksregisternummer fødselsnummer
    personnummer turkish italian spanish polish dutch belgian swedish danish norwegian finnish portuguese singapore
    gracias grazie dziękuję dzwonił wczoraj ayer ieri gisteren belde llamó chiamato vérifier formulaire vorgang hurry tron
    dowodu seria afiliación empresa sociedad mój mijn clé intracommunautaire tél mastercard sécu nationale identité
    mi mio il el la de del con es di d met i n south african port telefono telefoon telefon móvil cellulare
    ean upc gtin isbn issn sku imei vin pin carte médical médicale identité fiscal assurance reference indian
    swiss austrian german french indian chinese american british brazilian resident individual
    """.split()
)  # fmt: skip
_COMPOUND: Final = re.compile(
    r"\w+(?:nummern?|number|ausweis|kennzeichen|schein|karte|konto|versicherung|versicherten)"
)
_PART: Final = re.compile(r"[^\W_]+")
_DIGIT: Final = re.compile(r"\d")
# Alone they name a nation or anything, not a field.
_WEAK: Final = frozenset(
    """
    turkish italian spanish polish dutch belgian swedish danish norwegian finnish portuguese
    singapore swiss austrian german french indian chinese american british brazilian p st no
    mi mio il el la de del con es di d met i n south african port seria nationale
    client kunde kundin individual resident social national
    """.split()
)


def is_field_name(value: str) -> bool:
    """Whether ``value`` is made of such words and of numbers, a word at least being telling."""
    words = [word.lower() for word in _PART.findall(value) if not _DIGIT.search(word)]
    if not words or not all(word in _FIELDS or _COMPOUND.fullmatch(word) for word in words):
        return False
    return any(word not in _WEAK for word in words)
