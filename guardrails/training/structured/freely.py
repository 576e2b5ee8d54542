"""Values without check digits, or with notations of their own: telephones, plates, secrets."""

# A table reads best with a row on one line.
# ruff: noqa: E501

import base64
import json
import random
import string
from typing import Final

from guardrails.training.structured import numbers_europe as eu
from guardrails.training.structured.numbers_europe import LETTERS, digits, letters, retry

_NAMES: Final = (
    "greta jonas marie liu.wei p.nowak anna_k smith.john m.rossi lucia83 t-berg oconnor".split()
)
_DOMAINS: Final = "example.com mail.example.org firma-beispiel.de exemple.fr example.co.uk posta.example.it 163.com web.de outlook.com".split()
# Telephone numbers as each country writes them; # is a digit, % one of 2..9.
_PHONES: Final = """
+1 %##-%##-####|(%##) %##-####|%##-%##-####|+1 (%##) %##-####|%##.%##.####|1-%##-%##-####|+1%##%######
+44 20 7### ####|+44 7### ######|07### ######|020 7### ####|(0161) ### ####|+44 (0)20 7### ####
+49 30 ########|+49 17# #######|030 / ######|0171 #######|0049 89 ######|+49 (0)40 ######|0151-########|089/######-##
+33 6 ## ## ## ##|06 ## ## ## ##|01.##.##.##.##|+33 1 ## ## ## ##|0033 6 ## ## ## ##|07########
+34 6## ### ###|6## ## ## ##|91# ### ###|+34 91 ### ## ##
+39 3%# #######|3%# ### ####|06 #### ####|+39 02 ########|02 ########
+48 5## ### ###|5## ### ###|+48 22 ### ## ##|22 ### ## ##
+31 6 ########|06-########|020-#######|+31 20 ### ####|06 #### ####
+41 79 ### ## ##|079 ### ## ##|044 ### ## ##|+41 (0)44 ### ## ##
+43 664 #######|0664 #######|+43 1 #######|0664/### ## ##
+86 138 #### ####|139########|1%6 #### ####|010-6#######|0755-8#######|+86 10 6### ####|186-####-####
+91 98### #####|9%### #####|+91-9%########|0 9%### #####|+91 22 #### ####
""".strip().splitlines()
_PLATES: Final = {
    "de": "M-@@ ####|B-@ ###|HH-@@ ###|KA @@ ####|S-@@ ##E",
    "en": "@@## @@@|@@@-####|#@@@###|@@@ ###|MH 12 @@ ####|DL#@@####",
    "fr": "@@-###-@@|@@-###-@@",
    "zh": "京A#####|沪B@####|粤B·#####|浙A@@###|京AD#####",
}
_PASSPORTS: Final = "#########|@########|C0@X#@####|##@@#####|E########|G########|@@#######|AA#######|@@@######|N#######|@#######".split(
    "|"
)
_SECRETS: Final = "AKIA~16|ghp_*36|gho_*36|github_pat_*22_*59|glpat-*20|xoxb-#12-#12-*24|xoxp-#12-#12-#12-*32|AIza*35|sk_live_*24|rk_live_*24|sk-proj-*48|sk-ant-api03-*90|hf_*34|SG.*22.*43|AC&32|npm_*36|dop_v1_&64|shpat_&32|lin_api_*40|dckr_pat_*27|pypi-AgEIcHlwaS5vcmc*70|figd_*40|NRAK-~27|sq0atp-*22|EAAA*60|key-&32|ya29.*60|GOCSPX-*28|sk-or-v1-&64|gsk_*52|xai-*80|r8_*37|pplx-*48|nvapi-*60|tvly-*32|PMAK-&24-&34|atlasv1~|phc_*43|glsa_*32_&8|dapi&32|ATATT3*60|secret_*43|vercel_*24|sbp_&40|fo1_*43|rnd_*28".split("|")  # fmt: skip


def _fill(rng: random.Random, shape: str) -> str:
    pools = {"#": "0123456789", "%": "23456789", "@": "ABCDEFGHJKLMNPRSTVWXYZ"}
    return "".join(rng.choice(pools[mark]) if mark in pools else mark for mark in shape)


def phone(rng: random.Random) -> str:
    return _fill(rng, rng.choice(rng.choice(_PHONES).split("|")))


def plate(rng: random.Random, language: str = "en") -> str:
    return _fill(rng, rng.choice(_PLATES.get(language, _PLATES["en"]).split("|")))


def passport(rng: random.Random) -> str:
    return _fill(rng, rng.choice(_PASSPORTS))


def driver(rng: random.Random) -> str:
    return _fill(
        rng,
        rng.choice(
            [
                "@#######",
                "#########",
                "@##########",
                "@###-####-####",
                "########",
                "@@######",
                "@############",
            ]
        ),
    )


def account(rng: random.Random) -> str:
    return digits(rng, rng.choice([8, 9, 10, 12]))


def sort_code(rng: random.Random) -> str:
    return _fill(rng, rng.choice(["##-##-##", "##-##-##", "## ## ##", "######"]))


def tax_number(rng: random.Random) -> str:
    return _fill(
        rng,
        rng.choice(
            ["##/###/#####", "###/####/####", "###/###/#####", "## ### #####", "9###0########"]
        ),
    )


def fr_card(rng: random.Random) -> str:
    return _fill(rng, rng.choice(["############", "@#@@#####", "X#@@#@##@"]))


def voter(rng: random.Random) -> str:
    return _fill(rng, "@@@#######")


def ifsc(rng: random.Random) -> str:
    return rng.choice(["HDFC0", "ICIC0", "SBIN0", "UTIB0", "PUNB0"]) + digits(rng, 6)


def upi(rng: random.Random) -> str:
    return (
        rng.choice([*_NAMES, digits(rng, 10)])
        + "@"
        + rng.choice(["okaxis", "ybl", "paytm", "oksbi", "upi", "okhdfcbank"])
    )


def record(rng: random.Random) -> str:
    return _fill(
        rng, rng.choice(["########", "MR-######", "#######", "P######", "##-##-##", "H######-##"])
    )


def insurance(rng: random.Random) -> str:
    return _fill(
        rng,
        rng.choice(
            ["@@@#########", "@#########", "###########", "W######### ##", "@@@-##-####-###"]
        ),
    )


def vat(rng: random.Random) -> str:
    kind = rng.choice(["DE", "AT", "FR", "NL", "BE"])
    if kind == "DE":
        body = rng.choice("123456789") + digits(rng, 7)
        return f"DE{body}{eu.iso_hybrid(body)}"
    if kind == "AT":
        body = digits(rng, 7)
        total = 4 + sum(
            int(m) if i % 2 == 0 else sum(map(int, str(2 * int(m)))) for i, m in enumerate(body)
        )
        return f"ATU{body}{(10 - total % 10) % 10}"
    if kind == "FR":
        siren = eu.fr_siren(rng)
        return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"
    if kind == "NL":
        return f"NL{retry(lambda: eu.nl_bsn(rng))}B0{rng.randrange(1, 9)}"
    body = rng.choice("01") + digits(rng, 7)
    return f"BE{body}{97 - int(body) % 97:02d}"


def swift(rng: random.Random) -> str:
    return rng.choice(
        [
            "COBADEFF",
            "DEUTDEFF",
            "BNPAFRPP",
            "BARCGB22",
            "CHASUS33",
            "UBSWCHZH80A",
            "INGBNL2A",
            "BKAUATWW",
            "UNCRITMM",
            "COBADEFFXXX",
            "ICBKCNBJ",
        ]
    )


def email(rng: random.Random) -> str:
    made = (
        rng.choice(_NAMES)
        + rng.choice(["", "", f"+{digits(rng, 2)}", digits(rng, 2)])
        + "@"
        + rng.choice(_DOMAINS)
    )
    return made.upper() if rng.random() < 0.05 else made


def ip(rng: random.Random) -> str:
    if rng.random() < 0.7:
        return ".".join(str(rng.randrange(11, 250)) for _ in range(4))
    parts = [f"{rng.randrange(4096, 65535):x}" for _ in range(8)]
    return rng.choice([
        f"2001:db8:{parts[0]}::{parts[1]}",
        ":".join(parts),
        f"fe80::{parts[0]}:{parts[1]}:{parts[2]}",
    ])  # fmt: skip


def mac(rng: random.Random) -> str:
    pairs = [f"{rng.randrange(256):02x}" for _ in range(6)]
    text = rng.choice([":", "-"]).join(pairs)
    return rng.choice([text, text.upper(), ".".join("".join(pairs[i : i + 2]) for i in (0, 2, 4))])


def url(rng: random.Random) -> str:
    user = rng.choice(_NAMES)
    return rng.choice([
        f"https://app.example.com/reset?email={user}%40example.com&token={digits(rng, 12)}",
        f"https://{user}:{letters(rng, 8)}@git.example.org/repo.git",
        f"https://shop.example.de/account?user_id={digits(rng, 7)}&session={letters(rng, 12)}",
        f"https://www.linkedin.com/in/{user.replace('.', '-')}-{digits(rng, 3)}",
        f"https://api.example.com/v1/users?access_token={letters(rng, 24)}",
    ])  # fmt: skip


def eth(rng: random.Random) -> str:
    # The mixed-case ones are ERC-55's own examples.
    return rng.choice(
        [
            f"0x{rng.randbytes(20).hex()}",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        ]
    )


def monero(rng: random.Random) -> str:
    return "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"


def age(rng: random.Random, language: str = "en") -> str:
    years = rng.randrange(3, 97)
    return f"{years}" + rng.choice(
        {
            "en": [" years old", "-year-old", " years old"],
            "de": [" Jahre alt", "-jährige"],
            "fr": [" ans"],
            "zh": ["岁", "周岁"],
        }.get(language, [" years old"])
    )


def born(rng: random.Random, language: str = "en") -> str:
    day = eu.birthday(rng)
    if rng.random() < 0.25:
        return f"{day:%Y-%m-%d}"
    months = {
        "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    }
    if language in months:
        month = months[language].split()[day.month - 1]
        return rng.choice(
            [
                f"{day:%d.%m.%Y}" if language == "de" else f"{day:%d/%m/%Y}",
                f"{day.day}. {month} {day.year}"
                if language == "de"
                else f"{day.day} {month} {day.year}",
            ]
        )
    if language == "zh":
        return rng.choice(
            [f"{day.year}年{day.month}月{day.day}日", f"{day:%Y/%m/%d}", f"{day:%Y.%m.%d}"]
        )
    return rng.choice(
        [
            f"{day:%m/%d/%Y}",
            f"{day:%B} {day.day}, {day.year}",
            f"{day.day} {day:%B} {day.year}",
            f"{day:%d-%m-%Y}",
            f"{day:%b} {day.day} {day.year}",
        ]
    )


def secret(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.15:
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256"}, {"sub": digits(rng, 8)})]
        coded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
        return ".".join([*coded, _random(rng, 43)])
    if kind < 0.25:
        return f"postgres://app:{_random(rng, 10)}@db.internal:5432/prod"
    shape, made, index = rng.choice(_SECRETS), "", 0
    pools = {
        "*": string.ascii_letters + string.digits,
        "~": LETTERS + string.digits,
        "&": "0123456789abcdef",
        "#": string.digits,
    }
    while index < len(shape):
        mark, size = shape[index], ""
        index += 1
        while mark in pools and index < len(shape) and shape[index].isdigit():
            size += shape[index]
            index += 1
        made += (
            "".join(rng.choice(pools[mark]) for _ in range(int(size or 14)))
            if mark in pools
            else mark
        )
    return made


def _random(rng: random.Random, size: int) -> str:
    return "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(size))
