"""France, Spain, Italy, Portugal."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.checksums import fr_nir
from guardrails.pii.recognizers.checksums_europe import (
    es_cif,
    es_dni,
    es_nie,
    es_social_security,
    fr_siren,
    fr_siret,
    fr_spi,
    it_fiscal_code,
    it_vat,
    pt_nif,
)
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import (
    GAP,
    ID_WORDS,
    TAX_WORDS,
    digits,
    groups,
    words,
)

_NIR: Final = words(
    r"nir|nss|s[ée]cu(?:rit[ée])?(?: sociale)?|insee|carte vitale|ameli|assur[ée] social|french social security(?: number)?|social security(?: number)?",
    "社保号",
)
_SPI: Final = words(
    r"spi|num[ée]ro (?:fiscal|spi)(?: de r[ée]f[ée]rence)?|r[ée]f[ée]rence fiscale|identifiant fiscal|imp[ôo]ts?|avis d imposition|tax (?:id|number|notice)|num[ée]ro fiscal|n° ?fiscal"
)
_SIREN: Final = words(
    r"sirens?|siret|rcs|insee|entreprise|soci[ée]t[ée]|immatricul[ée]e?|company (?:number|no|registration)|business (?:number|id|registration)"
)
_CNI: Final = words(
    r"cni|carte (?:nationale )?d identit[ée]|pi[èe]ce d identit[ée]|num[ée]ro d identit[ée]|identity card|id card|french id"
)
_DNI: Final = words(r"dni|nif|documento nacional(?: de identidad)?|documento|identidad")
_NIE: Final = words(r"extranjer[oa]s?|residencia|n[úu]mero de identidad", acronyms="NIE|TIE")
_CIF: Final = words(
    r"cif|c\.i\.f\.|nif|empresa|sociedad|raz[óo]n social|c[óo]digo de identificaci[óo]n|company|fiscal|factura\w{0,5}"
)
_NUSS: Final = words(
    r"nuss|n[úu]mero de afiliaci[óo]n|afiliaci[óo]n|seguridad social|social security(?: number)?|n\.?s\.?s"
)
_CF: Final = words(r"codice fiscale|cod fisc\w{0,4}|c\.f\.|fiscal code|tax code", acronyms="CF")
_IVA: Final = words(
    r"p(?:artita)? iva|p\.? ?iva|iva|vat(?: number| code| id| no)?|azienda|ditta|societ[àa]"
)
_CIE: Final = words(
    r"carta (?:d |di )?identit[àa]|cie|c\.i\.|identity card(?: number)?|id card(?: number)?|documento(?: d identit[àa])?|numero (?:della )?carta"
)

ROMANCE: Final = (
    Kind("FR_NIR", rf"[1-478]{GAP}?\d{{2}}{GAP}?\d{{2}}{GAP}?(?:\d{{2}}|2[ABab]){GAP}?\d{{3}}{GAP}?\d{{3}}(?:{GAP}|\s?\(?/?\s?)?\d{{2}}", _NIR, fr_nir, 0.84, ID_WORDS),
    Kind("FR_NIR", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3}(?: ?\d{2})?", _NIR, told=0.75),
    Kind("FR_TAX_ID", groups(2, 2, 3, 3, 3, gap="[ .]", need=False) + r"|\d{4} \d{3} \d{3} \d{3}|\d{1} \d{3} \d{3} \d{3} \d{3}|" + digits(13, gap="[ -]"), _SPI, fr_spi, 0, TAX_WORDS, names=words(r"spi|num[ée]ro (?:fiscal|spi)(?: de r[ée]f[ée]rence)?|identifiant fiscal")),
    Kind("FR_TAX_ID", r"[0-3]\d[ ]?\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}", "", fr_spi, 0.75),
    Kind("FR_SIREN", groups(3, 3, 3, gap=r"[ .\u00a0-]", need=False), _SIREN, fr_siren, names=words(r"sirens?")),
    Kind("FR_SIRET", groups(3, 3, 3, 5, gap=r"[ .\u00a0-]", need=False), _SIREN + "|" + words("siret|[ée]tablissement"), fr_siret, names=words("siret")),
    Kind("FR_SIRET", groups(3, 3, 3, 5, gap=r"[ \u00a0]"), "", fr_siret, 0.75, names=words("siret")),
    Kind("FR_ID_CARD", r"\d{12}|\d{4} \d{4} \d{4}|(?=[A-Z]{0,8}\d)[A-Z0-9]{9}", _CNI, lambda value: sum(map(str.isdigit, value)) >= 3, close=True, told=0.86),
    Kind("ES_NIF", r"\d{8}[ -]?[A-Za-z]|\d{2}\.\d{3}\.\d{3}[ -]?[A-Za-z]", _DNI, es_dni, 0.75, ID_WORDS + "|" + TAX_WORDS, names=words(r"dni|nif")),
    Kind("ES_NIE", r"[XYZxyz][ -]?\d{7,8}[ -]?[A-Za-z]|[XYZxyz]-?\d\.\d{3}\.\d{3}-?[A-Za-z]", _NIE, es_nie, 0.8, ID_WORDS + "|" + TAX_WORDS, names=words("", acronyms="NIE")),
    Kind("ES_CIF", r"[ABCDEFGHJNPQRSUVWabcdefghjnpqrsuvw][ -]?\d{2}\.?\d{3}\.?\d{2}[ -]?[0-9A-Ja-j]|[ABCDEFGHJNPQRSUVW][ -]?\d{7}[ -]?[0-9A-J]", _CIF, es_cif, 0, TAX_WORDS, names=words(r"cif|nif")),
    Kind("ES_SOCIAL_SECURITY", r"\d{2}[ /-]?\d{8}[ /-]?\d{2}|\d{2}[ -]\d{4}[ -]\d{4}[ -]\d{2}", _NUSS, es_social_security, 0, ID_WORDS, names=words(r"nuss|seguridad social|n[úu]mero de afiliaci[óo]n")),
    Kind("ES_SOCIAL_SECURITY", r"\d{2}[ /-]\d{8}[ /-]\d{2}", "", es_social_security, 0.75),
    Kind("IT_FISCAL_CODE", r"[A-Za-z]{3}[ -]?[A-Za-z]{3}[ -]?[0-9L-NP-Vl-np-v]{2}[A-EHLMPRSTa-ehlmprst][0-9L-NP-Vl-np-v]{2}[ -]?[A-Za-z][0-9L-NP-Vl-np-v]{3}[ -]?[A-Za-z]", _CF, it_fiscal_code, 0.84, ID_WORDS + "|" + TAX_WORDS, names=words(r"codice fiscale|cod fisc\w{0,4}", acronyms="CF")),
    Kind("IT_VAT_CODE", r"(?i:IT)?[ ]?\d{11}|\d{3} \d{4} \d{4}|\d{5} \d{6}", _IVA, it_vat, 0, TAX_WORDS, names=words(r"partita iva|p\.? ?iva")),
    Kind("IT_VAT_CODE", r"IT ?\d{11}", "", it_vat, 0.8),
    Kind("IT_IDENTITY_CARD", r"[A-Za-z]{2}[ ]?\d{5}[ ]?[A-Za-z]{2}", _CIE),
    Kind("IT_IDENTITY_CARD", r"[A-Z]{2}\d{5}[A-Z]{2}", bare=0.65),
    Kind("IT_IDENTITY_CARD", r"[A-Za-z]{2}[ ]?\d{7}|\d{7}[A-Za-z]{2}", _CIE, told=0.8),
    Kind("IT_DRIVER_LICENSE", r"[A-Za-z]{2}[ ]?\d{7}[ ]?[A-Za-z]|[Uu]1[ ]?[A-Za-z0-9]{7}[ ]?[A-Za-z]", words(r"patente(?: di guida)?|driv(?:ing|er s?) ?licen[cs]es?(?: number| no)?|licen[cs]e(?: number| no)?"), told=0.84),
    Kind("PT_NIF", r"(?:PT[ ]?)?[1-9]\d{2}[ .]?\d{3}[ .]?\d{3}", words(r"nif|contribuinte|nipc|n[úu]mero de identifica[çc][ãa]o fiscal|portuguese"), pt_nif, 0, TAX_WORDS, names=words(r"nif|contribuinte|nipc")),
)  # fmt: skip
