"""What is generated: label, maker, notations, and what people call it in some languages."""

# A table reads best with a row on one line.
# ruff: noqa: E501

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from guardrails.training.structured import numbers_europe as eu
from guardrails.training.structured import numbers_world as world
from guardrails.training.structured.freely import (
    account,
    age,
    born,
    driver,
    email,
    eth,
    fr_card,
    ifsc,
    insurance,
    ip,
    mac,
    monero,
    passport,
    phone,
    plate,
    record,
    secret,
    sort_code,
    swift,
    tax_number,
    upi,
    url,
    vat,
    voter,
)

Maker = Callable[[random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Sort:
    """One kind of value.

    Args:
        notations: ``#`` stands for the next character; none: as it was made.
        names: ``language: names separated by "|"``; "" for every language.
        bare: may stand without its name.
    """

    label: str
    make: Maker
    names: dict[str, str]
    notations: tuple[str, ...] = ()
    bare: bool = False
    languages: str = "en de fr zh"


def _n(everywhere: str = "", **more: str) -> dict[str, str]:
    return {"": everywhere, **more}


SORTS: Final[tuple[Sort, ...]] = (
    Sort("US_SSN", world.us_ssn, _n("SSN", en="Social Security number|social|SS#", de="amerikanische Sozialversicherungsnummer (SSN)", fr="numéro de sécurité sociale américain", zh="社会安全号码"), ("###-##-####", "###-##-####", "### ## ####", "#########"), False),
    Sort("US_SSN", world.us_ssn, _n("SSN"), ("###-##-####",), True),
    Sort("US_ITIN", world.us_itin, _n("ITIN", en="Individual Taxpayer Identification Number|taxpayer ID"), ("###-##-####",), True),
    Sort("US_EIN", world.us_ein, _n("EIN", en="employer identification number|federal tax ID|FEIN|Tax ID"), ("##-#######",)),
    Sort("US_ROUTING_NUMBER", world.us_routing, _n("ABA routing number", en="routing number|routing no.|ABA|RTN", zh="ABA 路由号 routing"), ("#########",)),
    Sort("US_BANK_ACCOUNT", account, _n("", en="bank account number|account number|checking account|acct no.", de="Kontonummer", fr="numéro de compte", zh="银行账号|账号")),
    Sort("US_NPI", world.us_npi, _n("NPI", en="National Provider Identifier|NPI number"), ("##########",)),
    Sort("US_DEA", world.us_dea, _n("DEA number", en="DEA|DEA registration|prescriber DEA"), ("#########",)),
    Sort("US_MBI", world.us_mbi, _n("MBI", en="Medicare number|Medicare beneficiary ID|Medicare ID"), ("####-###-####", "###########"), True),
    Sort("US_DRIVER_LICENSE", driver, _n("driver's license", en="driver license number|driver's licence no.|DL|DL#", de="Führerscheinnummer", fr="permis de conduire", zh="驾照号")),
    Sort("UK_NINO", eu.uk_nino, _n("National Insurance number", en="NINO|NI number|NI no."), ("## ## ## ## #", "#########", "##-##-##-##-#"), True),
    Sort("UK_NHS", eu.uk_nhs, _n("NHS number", en="NHS no.|patient NHS number"), ("### ### ####", "##########", "###-###-####")),
    Sort("UK_UTR", eu.uk_utr, _n("UTR", en="Unique Taxpayer Reference|self assessment UTR|tax reference"), ("##########", "##### #####")),
    Sort("UK_DRIVING_LICENCE", eu.uk_driving, _n("driving licence", en="driving licence number|DVLA licence|licence no."), ("################", "##### ###### #####"), True),
    Sort("UK_SORT_CODE", sort_code, _n("sort code", en="sort code")),
    Sort("DE_TAX_ID", eu.de_tax_id, _n("Steuer-ID", en="German tax ID|tax identification number|TIN|Tax ID", de="Steueridentifikationsnummer|IdNr.|Steuer-IdNr.|Identifikationsnummer|steuerliche Identifikationsnummer", fr="identifiant fiscal allemand"), ("###########", "## ### ### ###", "## ### ### ###")),
    Sort("DE_TAX_NUMBER", tax_number, _n("Steuernummer", de="Steuernummer|St.-Nr.|Steuer-Nr."), ()),
    Sort("DE_SOCIAL_SECURITY", eu.de_pension, _n("Rentenversicherungsnummer", de="Sozialversicherungsnummer|RVNR|SV-Nummer|Versicherungsnummer", en="German social insurance number"), ("############", "## ###### # ###", "## ###### # ###"), True),
    Sort("DE_HEALTH_INSURANCE", eu.de_health, _n("Krankenversichertennummer", de="KVNR|Versichertennummer|Krankenversicherungsnummer", en="health insurance number"), ("##########",)),
    Sort("DE_ID_CARD", eu.de_card, _n("Personalausweis", de="Personalausweisnummer|Ausweisnummer|Ausweis-Nr.", en="German ID card number|identity card number"), ("##########", "##########")),
    Sort("DE_DRIVER_LICENSE", eu.de_licence, _n("Führerschein", de="Führerscheinnummer|Führerschein-Nr.", en="German driver's license")),
    Sort("AT_SVNR", eu.at_svnr, _n("SVNR", de="Sozialversicherungsnummer|SV-Nummer|Versicherungsnummer", en="Austrian social security number"), ("#### ######", "##########", "#### ## ## ##")),
    Sort("AT_TAX_NUMBER", eu.at_tax, _n("Steuernummer", de="Steuernummer|Abgabenkontonummer", en="Austrian tax number"), ("##-###/####", "#########", "## ###/####")),
    Sort("CH_AHV", eu.ch_ahv, _n("AHV-Nummer", de="AHV-Nr.|Sozialversicherungsnummer|AHVN13", fr="numéro AVS|AVS", en="Swiss AHV number"), ("###.####.####.##", "#############", "### #### #### ##"), True),
    Sort("CH_UID", eu.ch_uid, _n("UID", de="Unternehmens-Identifikationsnummer|MWST-Nr.", fr="numéro IDE", en="Swiss UID"), ("CHE-###.###.###", "CHE#########", "CHE-###.###.### MWST"), True),
    Sort("FR_NIR", eu.fr_nir, _n("NIR", fr="numéro de sécurité sociale|n° de sécu|numéro INSEE", en="French social security number", de="französische Sozialversicherungsnummer"), ("# ## ## ## ### ### ##", "###############", "# ## ## ## ### ### ##"), True),
    Sort("FR_SPI", eu.fr_spi, _n("numéro fiscal", fr="numéro fiscal de référence|SPI|numéro SPI|identifiant fiscal", en="French tax number (SPI)"), ("## ## ### ### ###", "#############", "#### ### ### ###")),
    Sort("FR_SIREN", eu.fr_siren, _n("SIREN", fr="numéro SIREN|n° SIREN|RCS Paris"), ("### ### ###", "#########")),
    Sort("FR_SIRET", eu.fr_siret, _n("SIRET", fr="numéro SIRET|SIRET de l'établissement"), ("### ### ### #####", "##############")),
    Sort("FR_CNI", fr_card, _n("carte d'identité", fr="CNI|carte nationale d'identité n°|numéro de carte d'identité", en="French ID card number")),
    Sort("ES_DNI", eu.es_dni, _n("DNI", es="NIF|documento nacional de identidad", en="Spanish DNI|national ID", de="spanische DNI"), ("#########", "########-#", "##.###.###-#"), True, "en es fr de"),
    Sort("ES_NIE", eu.es_nie, _n("NIE", es="número de extranjero", en="Spanish NIE"), ("#########", "#-#######-#"), True, "en es fr de"),
    Sort("ES_CIF", eu.es_cif, _n("CIF", es="CIF de la empresa|NIF de la sociedad", en="Spanish CIF|Tax ID"), ("#########", "#-########"), False, "en es"),
    Sort("ES_NUSS", eu.es_nuss, _n("NUSS", es="número de la Seguridad Social|número de afiliación", en="Spanish social security number"), ("############", "## ######## ##", "##/########/##"), False, "en es"),
    Sort("IT_FISCAL_CODE", eu.it_code, _n("codice fiscale", it="C.F.|CF", en="Italian fiscal code|tax code"), ("################", "### ### ##### #####"), True, "en it de fr"),
    Sort("IT_VAT_CODE", eu.it_vat, _n("partita IVA", it="P.IVA|P. IVA", en="Italian VAT number"), ("###########", "IT###########"), False, "en it"),
    Sort("IT_IDENTITY_CARD", lambda rng: eu.letters(rng, 2) + eu.digits(rng, 5) + eu.letters(rng, 2), _n("carta d'identità", it="CIE|carta di identità n.", en="Italian identity card"), (), True, "en it"),
    Sort("PL_PESEL", eu.pl_pesel, _n("PESEL", pl="numer PESEL", en="PESEL number"), ("###########",), True, "en pl de"),
    Sort("PL_NIP", eu.pl_nip, _n("NIP", pl="numer NIP|NIP firmy", en="Polish tax ID (NIP)"), ("###-###-##-##", "##########", "###-##-##-###"), False, "en pl"),
    Sort("PL_REGON", eu.pl_regon, _n("REGON", pl="numer REGON"), ("#########",), False, "en pl"),
    Sort("PL_ID_CARD", eu.pl_card, _n("dowód osobisty", pl="numer dowodu|seria i numer dowodu", en="Polish ID card"), ("#########", "### ######"), False, "en pl"),
    Sort("NL_BSN", eu.nl_bsn, _n("BSN", nl="burgerservicenummer|BSN-nummer", en="citizen service number|Dutch BSN"), ("#########", "#### ## ###", "###.###.###"), False, "en nl de"),
    Sort("BE_NATIONAL_NUMBER", eu.be_number, _n("rijksregisternummer", nl="INSZ|rijksregister", fr="numéro national|registre national", en="Belgian national number"), ("##.##.##-###.##", "###########"), True, "en nl fr"),
    Sort("SE_PERSONNUMMER", eu.se_number, _n("personnummer", en="Swedish personal number"), ("######-####",), True, "en"),
    Sort("DK_CPR", eu.dk_number, _n("CPR", en="CPR number|Danish CPR-nummer"), ("######-####",), False, "en"),
    Sort("NO_FNR", eu.no_number, _n("fødselsnummer", en="Norwegian national ID"), ("###########", "###### #####"), False, "en"),
    Sort("FI_HETU", eu.fi_number, _n("henkilötunnus", en="Finnish HETU|personal identity code"), (), True, "en"),
    Sort("PT_NIF", eu.pt_nif, _n("NIF", en="Portuguese NIF|contribuinte"), ("#########", "### ### ###"), False, "en es"),
    Sort("IE_PPS", eu.ie_pps, _n("PPS number", en="PPSN|PPS No."), ("########",), False, "en"),
    Sort("CN_RESIDENT_ID", world.cn_id, _n("身份证", zh="身份证号|身份证号码|公民身份号码|证件号", en="Chinese ID number|resident ID", de="chinesische Personalausweisnummer"), ("##################",), True, "zh zh en de fr"),
    Sort("CN_RESIDENT_ID_15", world.cn_id_old, _n("身份证", zh="身份证号|旧身份证号码", en="Chinese resident ID"), ("###############",), False, "zh zh en"),
    Sort("CN_USCC", world.cn_code, _n("统一社会信用代码", zh="信用代码|税号", en="unified social credit code"), ("##################",), True, "zh zh en"),
    Sort("CN_BANK_CARD", world.cn_card, _n("银行卡", zh="银行卡号|卡号|储蓄卡", en="UnionPay card"), ("##################", "#### #### #### #### ##"), True, "zh zh en"),
    Sort("IN_AADHAAR", world.in_aadhaar, _n("Aadhaar", en="Aadhaar number|Aadhaar card no.|UIDAI number"), ("#### #### ####", "############", "####-####-####"), False, "en"),
    Sort("IN_AADHAAR", world.in_aadhaar, _n("Aadhaar"), ("#### #### ####",), True, "en"),
    Sort("IN_PAN", world.in_pan, _n("PAN", en="PAN card|PAN number|Permanent Account Number"), (), True, "en"),
    Sort("IN_GSTIN", world.in_gstin, _n("GSTIN", en="GST number|GST no."), (), True, "en"),
    Sort("IN_VOTER", voter, _n("voter ID", en="EPIC number|voter card no."), (), False, "en"),
    Sort("IN_IFSC", ifsc, _n("IFSC", en="IFSC code|bank IFSC"), (), False, "en"),
    Sort("IN_UPI", upi, _n("UPI ID", en="UPI|VPA"), (), True, "en"),
    Sort("AU_TFN", world.au_tfn, _n("TFN", en="tax file number"), ("### ### ###", "#########"), False, "en"),
    Sort("AU_MEDICARE", world.au_medicare, _n("Medicare number", en="Medicare card"), ("#### ##### #", "##########"), False, "en"),
    Sort("CA_SIN", world.ca_sin, _n("SIN", en="Social Insurance Number", fr="numéro d'assurance sociale|NAS"), ("###-###-###", "### ### ###", "#########"), False, "en fr"),
    Sort("BR_CPF", world.br_cpf, _n("CPF", en="Brazilian CPF"), ("###.###.###-##", "###########"), False, "en es"),
    Sort("BR_CNPJ", world.br_cnpj, _n("CNPJ"), ("##.###.###/####-##", "##############"), False, "en"),
    Sort("MX_CURP", world.mx_curp, _n("CURP"), (), True, "en es"),
    Sort("JP_MY_NUMBER", world.jp_number, _n("My Number", en="individual number|マイナンバー"), ("#### #### ####", "############"), False, "en"),
    Sort("KR_RRN", world.kr_rrn, _n("RRN", en="resident registration number|주민등록번호"), ("######-#######",), True, "en"),
    Sort("SG_NRIC", world.sg_nric, _n("NRIC", en="FIN|Singapore NRIC"), (), True, "en"),
    Sort("ZA_ID_NUMBER", world.za_id, _n("South African ID", en="SA ID number|RSA ID"), ("#############", "###### #### ###"), False, "en"),
    Sort("TR_NATIONAL_ID", world.tr_id, _n("TC Kimlik No", en="Turkish national ID|TCKN kimlik"), ("###########",), False, "en"),
    Sort("VAT_ID", vat, _n("VAT ID", en="VAT number|VAT reg. no.", de="USt-IdNr.|Umsatzsteuer-ID|UID-Nummer", fr="TVA intracommunautaire|numéro de TVA"), (), True),
    Sort("PASSPORT", passport, _n("passport", en="passport number|passport no.|US passport", de="Reisepass|Reisepassnummer|Passnummer", fr="passeport|numéro de passeport", zh="护照号|护照号码", es="pasaporte", it="passaporto", pl="paszport", nl="paspoortnummer"), (), False, "en de fr zh es it pl nl"),
    Sort("LICENSE_PLATE", plate, _n("license plate", en="plate number|number plate|vehicle registration|car with plate", de="Kennzeichen|Autokennzeichen|Nummernschild", fr="plaque d'immatriculation|immatriculation", zh="车牌号|车牌"), ()),
    Sort("MEDICAL_RECORD", record, _n("MRN", en="medical record number|patient ID|chart number", de="Patientennummer|Patienten-ID|Fallnummer", fr="numéro de dossier médical|numéro de patient", zh="病历号|住院号")),
    Sort("HEALTH_INSURANCE", insurance, _n("insurance number", en="member ID|health insurance ID|policy number|insurance policy no.", de="Versicherungsnummer|Policennummer", fr="numéro d'adhérent|numéro de contrat", zh="医保卡号|保单号")),
    Sort("PHONE", phone, _n("phone", en="phone number|mobile|cell|tel.|call me at|contact number", de="Telefon|Handy|Mobil|Tel.|Telefonnummer", fr="téléphone|tél.|portable|mon numéro de téléphone", zh="电话|手机|手机号|联系电话", es="teléfono|móvil", it="telefono|cellulare", pl="telefon|tel.", nl="telefoon|mobiel"), (), False, "en de fr zh es it pl nl"),
    Sort("EMAIL", email, _n("e-mail", en="email|mail me at|contact", de="E-Mail|Mail", fr="courriel|adresse e-mail", zh="邮箱|电子邮件"), (), True),
    Sort("IP_ADDRESS", ip, _n("IP", en="IP address|client ip|from host", de="IP-Adresse", fr="adresse IP", zh="IP地址"), (), True),
    Sort("MAC_ADDRESS", mac, _n("MAC", en="MAC address|hwaddr", de="MAC-Adresse", fr="adresse MAC", zh="MAC地址"), (), True),
    Sort("URL", url, _n("link", en="profile|reset link", de="Link", fr="lien", zh="链接"), (), True),
    Sort("IBAN", world.iban, _n("IBAN", en="bank account (IBAN)|account", de="Konto|IBAN-Nummer|Bankverbindung", fr="compte|mon IBAN", zh="国际账号 IBAN"), ("group4", "", "group4"), True),
    Sort("BIC", swift, _n("BIC", en="SWIFT code|SWIFT/BIC|bank BIC", de="BIC-Code", fr="code BIC|code SWIFT", zh="SWIFT代码")),
    Sort("CREDIT_CARD", world.card, _n("credit card", en="card number|Visa|Mastercard|card no.", de="Kreditkarte|Kartennummer|Kreditkartennummer", fr="carte bancaire|numéro de carte|carte de crédit", zh="信用卡号|卡号"), ("group4", "", "group4-", "group4."), True),
    Sort("CRYPTO_BTC", lambda rng: world.base58_address(rng, rng.choice([0, 5])), _n("BTC", en="bitcoin wallet|wallet address", de="Bitcoin-Adresse", fr="adresse bitcoin", zh="比特币地址"), (), True),
    Sort("CRYPTO_BTC", lambda rng: world.segwit(rng, rng.choice(["bc", "bc", "ltc"]), rng.choice([0, 1])), _n("BTC", en="bitcoin address"), (), True),
    Sort("CRYPTO_LTC", lambda rng: world.base58_address(rng, rng.choice([48, 50])), _n("LTC", en="litecoin wallet"), (), True),
    Sort("CRYPTO_XRP", world.ripple, _n("XRP", en="ripple account"), (), True),
    Sort("CRYPTO_TRX", lambda rng: world.base58_address(rng, 65), _n("TRX", en="TRON wallet|USDT-TRC20"), (), True),
    Sort("CRYPTO_SOL", world.solana, _n("SOL", en="Solana wallet"), (), True),
    Sort("CRYPTO_ETH", eth, _n("ETH", en="ethereum wallet|0x address", de="Ethereum-Adresse", zh="以太坊地址"), (), True),
    Sort("CRYPTO_XMR", monero, _n("XMR", en="Monero"), (), True),
    Sort("AGE", age, _n(""), (), True, "en de fr zh"),
    Sort("DATE_OF_BIRTH", born, _n("DOB", en="date of birth|born on|birthday|birth date", de="Geburtsdatum|geboren am|geb.", fr="date de naissance|né le|née le", zh="出生日期|出生于|生日")),
    Sort("SECRET", secret, _n("key", en="API key|token|secret|access token", de="Schlüssel|API-Schlüssel", fr="clé API|jeton", zh="密钥|令牌"), (), True),
)  # fmt: skip
