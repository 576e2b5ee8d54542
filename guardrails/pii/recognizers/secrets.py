"""Keys, tokens, passwords: what opens doors."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import math
import re
from collections import Counter
from typing import Final

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_any

_B: Final = r"(?<![A-Za-z0-9_-])"
_E: Final = r"(?![A-Za-z0-9_-])"


def entropy(text: str) -> float:
    """Bits per character, from the counts of the text itself."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())


# Fixed beginnings of keys, as their issuers publish them for scanners.
_ISSUERS: Final = (
    r"figd_[A-Za-z0-9_-]{20,80}|gsk_[A-Za-z0-9]{30,80}|tvly-[A-Za-z0-9_-]{20,60}|pplx-[A-Za-z0-9]{30,80}|xai-[A-Za-z0-9]{40,120}|r8_[A-Za-z0-9]{30,50}|"
    r"nvapi-[A-Za-z0-9_-]{40,100}|NR(?:AK|JS|II|AL)-[A-Za-z0-9]{20,60}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|ph[cx]_[A-Za-z0-9]{30,60}|gl(?:sa|c)_[A-Za-z0-9_+/=-]{30,200}|"
    r"dapi[a-f0-9]{32}(?:-\d)?|AT(?:ATT|CTT|BB)[A-Za-z0-9_=-]{20,250}|(?:secret|ntn)_[A-Za-z0-9]{40,60}|vercel_[A-Za-z0-9_]{20,60}|vcp_[A-Za-z0-9]{20,80}|sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,60}|fo1_[A-Za-z0-9_-]{40,60}|"
    r"FlyV1 [A-Za-z0-9_,+/=-]{40,600}|rnd_[A-Za-z0-9]{20,50}|shp(?:at|ss|pa|ca|ua|tka)_[A-Fa-f0-9]{32}|lin_(?:api|oauth)_[A-Za-z0-9]{32,64}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{24,60}|"
    r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{56,64}|EAAC[A-Za-z0-9]{20,250}|key-[a-f0-9]{32}|HRKU-[A-Za-z0-9_-]{30,70}|pul-[a-f0-9]{40}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,80}|atlasv1[A-Z0-9]{12,60}|"
    r"hv[sbr]\.[A-Za-z0-9_-]{24,250}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,80}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}|rubygems_[a-f0-9]{48}|oy2[a-z0-9]{43}|cio[A-Za-z0-9]{32}|AKC[A-Za-z0-9]{60,80}|"
    r"sntry[su]_[A-Za-z0-9+/=_-]{40,250}|pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|sl\.[A-Za-z0-9_-]{130,250}|ops_eyJ[A-Za-z0-9+/=_-]{100,1000}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|LTAI[A-Za-z0-9]{12,24}|AKID[A-Za-z0-9]{13,40}|"
    r"AQVN[A-Za-z0-9_-]{35,40}|access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32}|bkua_[a-f0-9]{40}|CCIPAT_[A-Za-z0-9_]{40,80}|nfp_[A-Za-z0-9]{36,40}|AAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{100,200}|"
    r"sgp_[A-Za-z0-9_]{40,100}|dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}|SSWS 00[A-Za-z0-9_-]{40}|ABSK[A-Za-z0-9+/=]{60,150}|tfp_[A-Za-z0-9]{40,60}|jina_[A-Za-z0-9_]{40,80}|fw_[A-Za-z0-9]{20,40}|e2b_[a-f0-9]{40}|fc-[a-f0-9]{32}|v1\.0-[a-f0-9]{24}-[a-f0-9]{100,200}"
)
_KEYS: Final = (
    Rule("aws access key", _B + r"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{16}" + _E, 1.0),
    Rule(
        "aws secret key",
        r"(?i:aws.{0,20}?(?:secret|key).{0,20}?[=:\s\"'])(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        0.95,
    ),
    Rule("github", _B + r"(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{30,255})" + _E, 1.0),
    Rule("gitlab", _B + r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_.-]{18,60}", 1.0),
    Rule("slack", _B + r"xox[abeoprs]-[A-Za-z0-9-]{8,250}" + _E, 1.0),
    Rule("slack app", _B + r"xapp-\d-[A-Za-z0-9-]{20,200}" + _E, 1.0),
    Rule("slack hook", r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,120}", 1.0),
    Rule("google", _B + r"AIza[A-Za-z0-9_-]{35}" + _E, 1.0),
    Rule("google oauth", _B + r"(?:ya29\.[A-Za-z0-9_-]{20,400}|GOCSPX-[A-Za-z0-9_-]{20,40})", 1.0),
    Rule("stripe", _B + r"(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,250}" + _E, 1.0),
    Rule("openai style", _B + r"sk-(?:proj-|ant-|or-|svcacct-|admin-|lf-)?[A-Za-z0-9_-]{16,250}" + _E, 0.95,
         lambda value: re.search(r"\d", value) is not None),
    Rule("hugging face", _B + r"hf_[A-Za-z0-9]{30,60}" + _E, 1.0),
    Rule("sendgrid", _B + r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}" + _E, 1.0),
    Rule("twilio", _B + r"(?:AC|SK)[0-9a-f]{32}" + _E, 0.9),
    Rule("npm, pypi", _B + r"(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250})" + _E, 1.0),
    Rule("digital ocean", _B + r"do[opr]_v1_[a-f0-9]{64}" + _E, 1.0),
    Rule("issuers", _B + r"(?:" + _ISSUERS + r")" + _E, 1.0),
    Rule("azure client secret", _B + r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}" + _E, 1.0),
    Rule("mailchimp", _B + r"[0-9a-f]{32}-us\d{1,2}" + _E, 0.95),
    Rule("discord", _B + r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}" + _E, 1.0),
    Rule("gateway", _B + r"sov-[A-Za-z0-9_-]{16,120}" + _E, 0.95,
         lambda value: re.search(r"\d", value) is not None),
    Rule("telegram bot", _B + r"\d{8,10}:AA[A-Za-z0-9_-]{33}" + _E, 1.0),
    Rule("azure storage", r"(?i:AccountKey=)(?P<v>[A-Za-z0-9+/]{60,100}={0,2})", 1.0),
    Rule("bearer", r"(?i:\bbearer\s+)(?P<v>[A-Za-z0-9_.~+/-]{16,2000}=*)", 0.9,
         lambda value: entropy(value) > 3.0 and re.search(r"\d", value) is not None),
    Rule("basic", r"(?i:\bauthorization['\"]?\s*[:=]\s*['\"]?basic\s+)(?P<v>[A-Za-z0-9+/]{8,500}={0,2})", 0.95),
    Rule(
        "assigned",
        r"(?i:(?:api|access|auth|secret|private|client|encryption|signing|session|service|app|application|account|master|refresh|bot|webhook|license|storage|admin|bearer|deploy)[ _-]?(?:key|token|secret)|\btoken|\bsecret|_(?:key|token|secret)\b|api-?schl[üu]ssel|cl[ée] (?:d')?api|密钥|令牌)"
        r"[\"']?\s{0,3}(?::=|=>|=|:|：|\t|(?i:\b(?:is|ist|lautet|est|was)\b)|是|为)\s{0,3}[\"'`]?(?P<v>[A-Za-z0-9_.~+/=-]{12,500})",
        0.85,
        lambda value: _HARD.search(value) is not None and entropy(value) > 2.8 and not _REFERENCE.match(value),
    ),
)  # fmt: skip
# Both letters and digits: a number after "token" may be anything.
_HARD: Final = re.compile(r"\d[^A-Za-z]{0,40}[A-Za-z]|[A-Za-z][^\d]{0,40}\d")
_JWT: Final = Rule(
    "jwt", _B + r"eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,4000})?", 1.0
)
_PEM: Final = (
    Rule(
        "pem",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{0,20000}"
        r"(?:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)?",
        1.0,
    ),
    Rule(
        "putty", r"PuTTY-User-Key-File-\d:.{0,6000}?Private-MAC: ?[0-9a-f]{40,64}", 1.0, flags=re.S
    ),
    Rule("age", _B + r"AGE-SECRET-KEY-1[0-9A-Z]{58}", 1.0),
)
_CONNECTIONS: Final = (
    Rule("url with a password", r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,30}://[^\s:/@\"'<>]{0,200}:[^\s/@\"'<>]{1,200}@[^\s\"'<>]{1,500}", 1.0),
    Rule("key value list", r"(?i:(?:server|data source|host|user id|uid|database|initial catalog)\s?=)[^\n\"'`]{1,300}?(?i:password|pwd)\s?=\s?[^;\s\"']{1,200};?", 1.0),
    Rule("azure", r"DefaultEndpointsProtocol=https?;AccountName=[^;\s]{1,80};AccountKey=[^;\s]{1,120}(?:;[^\s\"']{0,200})?", 1.0),
)  # fmt: skip

_REFERENCE: Final = re.compile(
    r"(?:os\.|process\.|env[.\[(]|self\.|this\.|config[.\[]|settings\.|\$|%|<|\{|\(|None\b|null\b|"
    r"true\b|false\b|undefined\b|getenv|str\b|string\b|input\(|request\.|\*+$|x+$|\.+$|\[)",
    re.IGNORECASE,
)
_PASSWORD_WORD: Final = (
    r"(?:(?<![A-Za-z])(?:[a-z]{1,20}[_-])?(?i:pass(?:word|wd|phrase|code)?|pwd|pw(?![a-z])|passwort|kennwort|"
    r"mot de passe|mdp|pin(?: ?code|-nummer)?|puk)|密码|口令)"
)


def _assigned_password(value: str) -> bool:
    return len(value) >= 4 and not _REFERENCE.match(value) and len(set(value)) > 2


def _told_password(value: str) -> bool:
    """In a sentence only what looks like no word: "the password is required" is none."""
    odd = re.search(r"\d|[^\w.,!?]|[a-z][A-Z]|\w[!?#$%&*@]$", value) is not None
    return len(value) >= 4 and odd and not _REFERENCE.match(value)


_PASSWORDS: Final = (
    Rule(
        "quoted",
        _PASSWORD_WORD + r"[\"']?\s{0,3}(?::=|=>|={1,3}|:|：)\s{0,3}(?P<q>[\"'`])(?P<v>[^\"'`\n]{4,120})(?P=q)",
        0.9,
        _assigned_password,
    ),
    Rule(
        "assigned",
        _PASSWORD_WORD + r"[\"']?\s{0,3}(?:=|:|：)\s{0,3}(?P<v>[^\s\"'`,;<>(){}\[\]]{4,120})",
        0.85,
        lambda value: _told_password(value) and "." not in value[1:-1].lower().replace("..", ""),
    ),
    Rule(
        "assigned, with dots",
        _PASSWORD_WORD + r"[\"']?\s{0,3}(?:=|:|：)\s{0,3}(?P<v>[^\s\"'`,;<>(){}\[\]]{4,120})",
        0.85,
        lambda value: re.search(r"\d", value) is not None and _told_password(value),
    ),
    Rule(
        "told",
        _PASSWORD_WORD + r"(?: for [\w .-]{1,40}| für [\w .-]{1,40})?\s{0,3}(?i:is|was|to|ist|lautet|war|est|是|为)\s{0,3}(?:now |jetzt |:|：)?\s{0,2}[\"'`„“]?(?P<v>[^\s\"'`”“，。]{4,120})",
        0.75,
        _told_password,
    ),
    Rule(
        "login pair",
        r"(?i:login|credentials|zugangsdaten|identifiants)\s{0,2}[:=]\s{0,2}[^\s:/,;]{2,60}\s?[:/]\s?(?P<v>[^\s,;]{4,100})",
        0.75,
        _told_password,
    ),
    Rule("switch", r"\s(?:--password[= ]|-p (?=\S*\d))(?P<v>[^\s\"'$<]{4,100})", 0.7, _told_password),
)  # fmt: skip
_PASSWORD_HINT: Final = re.compile(
    r"pass|pwd|pw|kennwort|mdp|pin|puk|login|credentials|zugangsdaten|identifiants|密码|口令",
    re.IGNORECASE,
)
_KEY_HINT: Final = re.compile(
    r"AKIA|ASIA|AROA|AIDA|AGPA|ANPA|gh[pousr]_|github_pat|gl\w{2,5}-|xox|xapp|hooks\.slack|AIza|ya29|GOCSPX|[srp]k[_-]|"
    r"figd_|gsk_|tvly-|pplx-|xai-|r8_|nvapi|NR[AJI]|PMAK|ph[cx]_|glsa|glc_|dapi|AT[ACB]|ntn_|secret_|vercel_|vcp_|sbp_|sb_sec|fo1_|FlyV1|rnd_|shp|lin_|dckr|sq0|EAA|key-|HRKU|pul-|atlasv1|hv[sbr]\.|dp\.|pscale|rubygems|oy2|cio|AKC|sntry|pat|sl\.|ops_|lsv2|LTAI|AKID|AQVN|bkua|CCIPAT|nfp_|AAAA|sgp_|dt0c|SSWS|ABSK|tfp_|jina_|fw_|e2b_|fc-|v1\.0|Q~|-us\d|[MNO][A-Za-z0-9_-]{23}|"
    r"whsec|hf_|SG\.|AC[0-9a-f]{8}|SK[0-9a-f]{8}|npm_|pypi-|do[opr]_v1|sov-|:AA|AccountKey|"
    r"(?i:aws|bearer|basic|key|token|secret|schl.ssel|cl[ée] )|密钥|令牌"
)  # fmt: skip


def secret_recognizers() -> list[RuleRecognizer]:
    """API_KEY, JWT, PRIVATE_KEY, CONNECTION_STRING, PASSWORD."""
    return [
        RuleRecognizer("API_KEY", _KEYS, wanted=lambda text: _KEY_HINT.search(text) is not None),
        RuleRecognizer("JWT", (_JWT,), wanted=has_any("eyJ")),
        RuleRecognizer(
            "PRIVATE_KEY", _PEM, wanted=has_any("PRIVATE KEY", "PuTTY-User-Key", "AGE-SECRET-KEY")
        ),
        RuleRecognizer("CONNECTION_STRING", _CONNECTIONS, wanted=has_any("://", "=")),
        RuleRecognizer(
            "PASSWORD", _PASSWORDS, wanted=lambda text: _PASSWORD_HINT.search(text) is not None
        ),
    ]
