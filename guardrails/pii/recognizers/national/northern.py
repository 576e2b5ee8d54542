"""Poland, the Netherlands, Belgium, Scandinavia, Finland."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.checksums_europe import (
    be_national_number,
    dk_cpr,
    fi_hetu,
    nl_bsn,
    no_fnr,
    pl_id_card,
    pl_nip,
    pl_pesel,
    pl_regon,
    se_personnummer,
)
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import ID_WORDS, TAX_WORDS, digits, groups, words

_PESEL: Final = words(r"pesel\w{0,4}|numer ewidencyjny")
_NIP: Final = words(
    r"numer (?:nip|identyfikacji podatkowej|podatkowy)|firma|sp[óo][łl]ka|faktur\w{0,3}",
    acronyms="NIP",
)
_REGON: Final = words(r"regon|rejestr\w{0,4} gospodark\w{0,4}", acronyms="GUS")
_DOWOD: Final = words(
    r"dow\.? os\w{0,8}|dow[óo]d\w{0,3}(?: osobist\w{0,4})?|dowod\w{0,3}|polish id(?: card)?|seria i numer|identity card(?: number)?|id card(?: number)?"
)
_BSN: Final = words(
    r"bsn(?: nummer| nr)?|burger ?service ?(?:nummer|nr)|citizen service number|sofi(?: nummer| nr)?|dutch (?:id|social|tax)\w{0,20}"
)
_BE: Final = words(
    r"rijksregister\w{0,8}|insz|niss|registre national|num[ée]ro national|belgian|national (?:register|registry|number)(?: number)?|nationaal nummer",
    acronyms="RRN|NRN|NN",
)
_SE: Final = words(
    r"person ?(?:nummer|nr)|pnr|samordningsnummer|personal (?:identity )?number|swedish"
)
_DK: Final = words(
    r"cpr(?: nummer| nr| number| no)?|person ?nummer|danish|personal (?:identification )?number"
)
_NO: Final = words(
    r"f[øo]dselsnummer|f ?nr|person ?nummer|d nummer|norwegian|national (?:id|identity|identification) number"
)
_FI: Final = words(r"hetu|henkil[öo]tunnus|personbeteckning|personal identity code|finnish")

NORTHERN: Final = (
    Kind("PL_PESEL", digits(11, gap="[ -]"), _PESEL, pl_pesel, 0, ID_WORDS, names=words(r"pesel\w{0,4}")),
    Kind("PL_PESEL", r"\d{11}", "", pl_pesel, 0.74),
    Kind("PL_NIP", r"(?i:PL)?[ ]?" + groups(3, 3, 2, 2, gap="[ -]") + "|" + groups(3, 2, 2, 3, gap="[ -]"), _NIP, pl_nip, 0.74, TAX_WORDS, names=words("", acronyms="NIP")),
    Kind("PL_NIP", r"(?i:PL)?[ ]?\d{10}", _NIP, pl_nip, 0, TAX_WORDS, names=words("", acronyms="NIP")),
    Kind("PL_NIP", r"PL ?\d{10}", "", pl_nip, 0.8),
    Kind("PL_REGON", r"\d{9}|\d{14}|\d{3}[ -]\d{3}[ -]\d{3}|\d{3}[ -]\d{3}[ -]\d{3}[ -]\d{5}", _REGON, pl_regon, names=words("regon")),
    Kind("PL_ID_CARD", r"[A-Za-z]{3}[ -]?\d{6}|[A-Za-z]{3} \d{3} \d{3}", _DOWOD, pl_id_card, 0, ID_WORDS, names=_DOWOD),
    Kind("NL_BSN", groups(3, 3, 3, gap="[ .-]", need=False) + r"|\d{4}[ .-]\d{2}[ .-]\d{3}|\d{2}[ .]\d{3}[ .]\d{3}[ .]\d|\d{8}", _BSN, nl_bsn, 0, words(r"(?:dutch )?(?:national|citizen) id(?: number)?|burger\w{0,14}"), names=words(r"bsn(?: nummer| nr)?|burger ?service ?(?:nummer|nr)")),
    Kind("BE_NATIONAL_NUMBER", r"\d{2}[.]?\d{2}[.]?\d{2}[- ]?\d{3}[. ]?\d{2}|\d{2} \d{2} \d{2} \d{3} \d{2}|\d{6}[ -]\d{3}[ .-]\d{2}", _BE, be_national_number, 0, ID_WORDS, names=words(r"rijksregister\w{0,8}|insz|niss|registre national|num[ée]ro national")),
    Kind("BE_NATIONAL_NUMBER", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}|\d{11}", "", be_national_number, 0.72),
    Kind("SE_PERSONNUMMER", r"(?:19|20)?\d{6}[-+ ]?\d{4}", _SE, se_personnummer, 0, ID_WORDS, names=words(r"person ?(?:nummer|nr)")),
    Kind("SE_PERSONNUMMER", r"(?:19|20)?\d{6}[-+]\d{4}", "", se_personnummer, 0.76),
    Kind("DK_CPR", r"\d{6}[- ]?\d{4}", _DK, dk_cpr, 0, ID_WORDS, names=words(r"cpr(?: nummer| nr| number| no)?")),
    Kind("DK_CPR", r"\d{6}-\d{4}", "", dk_cpr, 0.6),
    Kind("NO_FNR", r"\d{6}[ ]?\d{5}|\d{6} \d{3} \d{2}", _NO, no_fnr, 0.76, ID_WORDS, names=words(r"f[øo]dselsnummer|person ?nummer")),
    Kind("FI_PERSONAL_IDENTITY_CODE", r"\d{6}[-+A-FU-Ya-fu-y]\d{3}[0-9A-Ya-y]", _FI, fi_hetu, 0.8, ID_WORDS, names=words(r"hetu|henkil[öo]tunnus")),
)  # fmt: skip
