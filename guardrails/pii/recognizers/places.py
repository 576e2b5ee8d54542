"""Postal addresses, places, organisations, where the wording shows them."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import ANY_LANGUAGE, Rule, RuleRecognizer, has_digit
from guardrails.pii.recognizers.life_dates import life_date_recognizers

_U: Final = r"A-ZÀ-ÖØ-ÞĀ-Ž"
_PLACE: Final = rf"[{_U}][\w'’.-]{{1,40}}(?:[ -](?:am|an|der|im|in|bei|ob|sur|sous|de|la|le|les|en|upon|of|[{_U}])[\w'’.-]{{0,40}}){{0,3}}"
_DE_STREET: Final = (
    r"(?:[\w'’.-]{0,40}(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|ring|damm|ufer|chaussee|steig|pfad|stieg|markt|hof|promenade|graben|berg|wall|brücke|twiete|kamp)"
    rf"|(?:[{_U}][\w'’.-]{{1,40}}[ -]){{1,3}}(?:Stra(?:ß|ss)e|Str\.|Gasse|Weg|Platz|Allee|Ring|Damm|Ufer|Chaussee|Steig|Pfad|Promenade)"
    rf"|(?:Am|An der|An den|Im|In der|Auf dem|Auf der|Unter den|Zum|Zur|Hinter der|Alte[rn]?) [{_U}][\w'’.-]{{1,40}}(?: [{_U}][\w'’.-]{{1,40}})?)"
)
_HOUSE: Final = r"[1-9]\d{0,3}(?: ?[a-zA-Z](?![\w]))?(?: ?[-–/] ?\d{1,4}(?: ?[a-z](?!\w))?)?"
_DE_CITY: Final = (
    rf"(?:[ \t]*[,;\n][ \t]*|[ \t]+(?:in[ \t]+)?)(?:D-|DE-|A-|CH-)?\d{{4,5}}[ \t]+{_PLACE}"
)
_EN_KIND: Final = r"(?i:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|parkway|pkwy|highway|hwy|circle|cir|close|crescent|mews|grove|gardens|row|alley|trail|walk|hill|park|crossing|turnpike|loop|plaza)\b\.?"
_UNIT: Final = r"(?i:[ \t,\n>?]{1,6}(?:apt|apartment|suite|ste|unit|floor|flat|room|fl|etage|og|wohnung|bâtiment|bât|appartement|appt)\.?[ \t]?#?[ \t]?[\w-]{1,6})?"
_EN_CITY: Final = rf"(?:[ \t]*[,\n][ \t]*{_PLACE})?(?:[ \t]*[,\n][ \t]*{_PLACE})?(?:[ \t]*[, \n][ \t]*[A-Z]{{2}})?(?:[ \t,\n]{{1,3}}(?:\d{{5}}(?:-\d{{4}})?|[A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}}))?"
_FR_KIND: Final = r"(?i:rue|avenue|av\.|boulevard|bd|boul\.|place|chemin|impasse|allée|allee|quai|cours|route|passage|square|faubourg|villa|sentier|esplanade)"
# Street words of other countries, where a house number follows or leads.
_SUFFIXED: Final = (
    r"(?:gatan|gata|gränd|vägen|väg|gade|vej|vejen|veien|vegen|veg|allé|straat|laan|steenweg|dreef|plein|kade|katu|tie|kuja|polku|stræti|vegur|braut|gasse|stra(?:ss|ß)e|weg|platz|utca|utja|tere|"
    r"ova|ická|ská|ého|iho|marken|bakken|haugen|toften|parken|vangen|stien|stigen|torp|gården|mäen|rinne)"
)
_PREFIXED: Final = (
    r"(?:Rua|R\.|Via|Viale|Vicolo|Piazza|Corso|Largo|Calle|C/|Avenida|Avda\.?|Av\.|Paseo|Plaza|Praça|Travessa|Trav\.|Estrada|Alameda|Carrer|Camino|Strada|Str\.|Rue|Ulica|Ul\.|ul\.|al\.|os\.|pl\.|Aleja|Plac|"
    r"Trg|Obala|Cesta|ulica|Λεωφόρος|Οδός|улица|ул\.|пр\.|Jalan|Jl\.)"
)
_LEAD: Final = r"(?:\d{1,4}[A-Za-z]?,?[ ])?"
_CAP: Final = rf"[{_U}][\w'’.-]{{1,30}}"
_UNIT_WORD: Final = r"(?i:apt|apartment|suite|ste|unit|flat|floor)\.?[ ]?#?[\w-]{1,6}"
_RULES: Final = (
    Rule("street with a suffix", rf"(?<![\w.])(?P<v>{_LEAD}(?:{_CAP}[ ]){{0,2}}[\w'’-]{{2,30}}{_SUFFIXED}[ ]\d{{1,4}}[A-Za-z]?(?:[ ]?[-/][ ]?\d{{1,4}})?{_UNIT}{_EN_CITY})(?!\w)", 0.6),
    Rule("street with a prefix", rf"(?<![\w.])(?P<v>{_LEAD}{_PREFIXED}[ ](?:(?:de|del|della|dei|da|do|dos|das|di|la|las|los|el|d['’])[ ]?){{0,2}}{_CAP}(?:[ ](?:(?:de|del|da|do|e|y|i)[ ])?{_CAP}){{0,4}},?[ ](?:n[°º.]?[ ]?)?\d{{1,5}}[A-Za-z]?{_UNIT}{_EN_CITY})(?!\w)", 0.75),
    Rule("kind of street after", rf"(?<![\w.])(?P<v>{_LEAD}{_CAP}(?:[ ]{_CAP}){{0,2}}[ ](?:utca|út|u\.|tee|tér|ulica|ulice|náměstí|sokak|caddesi|cad\.|sk\.|iela|gatvė|puiestee|mnt)[ ]\d{{1,4}}\.?[A-Za-z]?{_UNIT}{_EN_CITY})(?!\w)", 0.75),
    Rule("military", r"(?<!\w)(?P<v>(?:(?:PSC|Unit|CMR)[ ]\d{1,5},?[ ]Box[ ]\d{1,5}|(?:USS|USNS|USCGC|USNV)[ ][A-Z]\w{1,20})(?:[ ]*[,\n][ ]*|[ ])(?:APO|FPO|DPO),?[ ]A[AEP][ ]\d{5}(?:-\d{4})?)(?!\w)", 0.85),
    Rule("number, words, city, state, zip", rf"(?<![\w.$€£#-])(?P<v>\d{{1,6}}[ ](?:{_CAP}[ ]){{1,4}}?{_CAP}(?:[ ,]{{1,2}}{_UNIT_WORD})?[ ]*[,\n][ ]*{_PLACE},?[ ][A-Z]{{2}}[ ]\d{{5}}(?:-\d{{4}})?)(?!\w)", 0.8),
    Rule("line above a unit", rf"(?:^|\n)[>?\t ]{{0,6}}(?P<v>\d{{1,5}}[ ][^\n,;:?!]{{3,50}})(?=[ ]?\n[>?\t ]{{0,6}}{_UNIT_WORD}[ ]?\n)", 0.75),
    Rule("code at the end of an address", rf"(?:\n[>?\t ]{{0,6}}|[ ]){_UNIT_WORD}[ ]?\n[>?\t ]{{0,6}}[^\n\d]{{2,50}}\n{{1,2}}[>?\t ]{{0,6}}[^\n\d]{{3,50}}[ ](?P<v>\d{{4,6}})(?=[ ]?(?:\n|$))", 0.75),
    Rule("french, city behind", rf"(?<!\w)(?P<v>(?:\d{{1,4}},?[ ])?{_FR_KIND}[ ](?:(?:de la|de l['’]|du|des|de|d['’]|la|le|les|l['’])[ ]?)?[\w'’.-]{{1,40}}(?:[ -][\w'’.-]{{1,30}}){{0,3}}[ ]*[,\n][ ]*\d{{5}}[ ]{_PLACE})(?!\w)", 0.8),
    Rule("german", rf"(?<![\w])(?P<v>{_DE_STREET}[ ]{{1,2}}{_HOUSE}(?:{_DE_CITY})?)(?!\w)", 0.8, lambda value: _NO_STREET.match(value) is None),
    Rule(
        "english",
        rf"(?<![\w.$€£#-])(?P<v>\d{{1,6}}[A-Za-z]?,?[ ](?:(?:[NSEW]|North|South|East|West)\.?[ ])?(?:[\w'’.-]{{1,40}}[ ]){{1,4}}{_EN_KIND}{_UNIT}{_EN_CITY})(?!\w)",
        0.7,
        lambda value: _english_street(value),
    ),
    Rule(
        "french",
        rf"(?<![\w])(?P<v>\d{{1,4}}(?: ?(?:bis|ter|quater|[A-D]))?,?[ ]{_FR_KIND}[ ](?:(?:de la|de l['’]|du|des|de|d['’]|la|le|les|l['’])[ ]?)?[\w'’.-]{{1,40}}(?:[ -](?:de|du|des|la|le|et|[{_U}])[\w'’.-]{{0,40}}){{0,5}}(?:[ \t]*[,\n][ \t]*|[ \t]+)?(?:(?:F-)?\d{{5}}[ \t]+{_PLACE})?)(?!\w)",
        0.8,
    ),
    Rule("post box", rf"\b(?i:p\.? ?o\.? ?box|postfach|boîte postale|\bbp)[ ]\d[\d ]{{0,8}}\d?(?:{_DE_CITY})?", 0.7),
    Rule("german postcode and city", rf"(?<![\w.,-])(?:D-|DE-)\d{{5}}[ ]{_PLACE}", 0.8),
    Rule(
        "postcode beside its word",
        rf"(?i:\b(?:plz|postleitzahl|zip(?: ?code)?|post ?code|postal code|code postal|邮编|邮政编码)[ ]?[:：]?[ ]?(?:(?:is|ist|lautet|est|是)[ ])?)(?P<v>[A-Z]?\d[\w-]{{3,9}}(?: \d[A-Z]{{2}})?(?: {_PLACE})?)",
        0.75,
        has_digit,
    ),
    Rule("postcode and city, told", rf"(?i:\b(?:wohne|wohnhaft|wohnt|lebe|ansässig|adresse|anschrift|sitz|gemeldet)\b[^.\n]{{0,40}}?)(?P<v>\d{{5}}[ ]{_PLACE})", 0.75),
    Rule("french postcode and city, told", rf"(?i:\b(?:habite|réside|demeurant|domicilié|adresse|situé)\w*\b[^.\n]{{0,40}}?)(?P<v>\d{{5}}[ ]{_PLACE})", 0.75),
    Rule("british postcode", r"(?<![\w-])[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?![\w-])", 0.7),
    Rule("american state and zip", r"(?<![\w])(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])[ ,]{1,2}\d{5}(?:-\d{4})?(?![\w])", 0.75),
    Rule(
        "unit",
        r"(?<!\w)(?:Apt\.?|Apartment|Suite|apt\.?|suite|APT\.?|SUITE)[ ]#?\d{1,5}[A-Za-z]?(?!\w)",
        0.6,
    ),
    Rule(
        "after the word",
        r"(?i:\b(?:address(?: of [^\n.:]{1,40} is|es? (?:is|are)| is| to|:)|(?:live|lives|living|reside[sd]?|located|residing) at|ship(?:ped)? to|deliver(?:ed)? to|return to|arrived at|send (?:it |a new one |them )?to|moved to|moving to)[ :]{1,2})(?P<v>(?=[^\n.]{0,30}\d)[\w'’.-]{1,40}(?:[ ,\n]{1,2}[\w'’.#/-]+){1,9}?)(?=[ ]?(?:[.?!]|$|\n\n)| (?:for|in case|last|this|by|and|because|until)\b)",
        0.6,
        lambda value: has_digit(value) and "@" not in value and re.search(r"[^\W\d_]{3}", value) is not None,
    ),
)  # fmt: skip
# "Im Jahr 1748", "In der Saison 53", "Brasilien Platz 1".
_NO_STREET: Final = re.compile(
    r"(?:ring|weg|platz|markt|hof|wall|berg|damm|graben|pfad|steig|kamp|ufer|allee|promenade) \d|(?:Am|An der|An den|Im|In der|Auf dem|Auf der|Zum|Zur|Alte[rn]?) (?:Jahre?s?|Saison|Spielzeit|Sommer|Winter|Frühjahr|Frühling|Herbst|Alter|Kapitel|Abschnitt|"
    r"Artikel|Absatz|Schnitt|Durchschnitt|Finale|Vergleich|Zeitraum|Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Montag|Dienstag|"
    r"Mittwoch|Donnerstag|Freitag|Samstag|Sonntag|Ende|Anfang|Tag|Monat|Quartal|Raum|Spiel|Test|Fall|Punkt|Version|Teil|Nummer|Wert|Bereich)\b|(?:\w+ )*\w*[^\Wr] Platz \d",
)
_UPPER: Final = re.compile(rf"[{_U}]")
_EN_WORDS: Final = frozenset(
    """
    the a an of in on to for is are was were days weeks hours minutes years people times months
    percent more other different and or with per points ways at from my your stop hour minute day
    week month year
    """.split()
)
_OR_WORDS: Final = frozenset(
    "walk way place park drive hill row trail court close circle square loop crossing grove gardens mews alley".split()
)
_MEASURES: Final = frozenset(
    "meters metres meter metre feet foot inches inch miles mile yards yard centimeters cm km kilometers".split()
)


def _english_street(value: str) -> bool:
    """No street: "3 days on the road", "2 people in the park"."""
    words = [word.strip(",.").lower() for word in value.split()]
    if _EN_WORDS & set(words[1:4]) or _MEASURES & set(words[1:]) or "" in words:
        return False
    if any(not any(map(str.isalnum, word)) for word in words):
        return False
    # In lower case these are words of any sentence: "3 Can two walk".
    return not _OR_WORDS & {word.strip(",.") for word in value.split()}


_ZH_ADMIN: Final = r"(?:北京|上海|天津|重庆|香港|澳门|台湾|[\u4e00-\u9fff]{2,3}(?:省|自治区)|内蒙古|广西|西藏|宁夏|新疆)"
_ZH_CITY: Final = r"[\u4e00-\u9fff]{2,6}?(?:市|盟|自治州|地区)"
_ZH_DISTRICT: Final = r"[\u4e00-\u9fff]{1,6}?(?:区|县|旗|镇|乡)"
_ZH_ROAD: Final = r"[\u4e00-\u9fff]{1,10}?(?:路|街|大道|巷|胡同|弄|道|里|村|庄)"
_ZH_DETAIL: Final = r"(?:[\dA-Za-z一二三四五六七八九十百甲乙丙丁东西南北-]{1,8}(?:号楼|号院|号|弄|栋|幢|座|单元|层|楼|室|户|组|队|院)){1,6}(?:\d{1,5}室?)?"
_ZH_ADDRESSES: Final = (
    Rule("chinese, whole", rf"(?:现?居?住在|家住|居住于|住址|地址|位于|寄到|送到|搬到|在|到|是|为)?(?P<v>(?:{_ZH_ADMIN}市?)?(?:{_ZH_CITY})?(?:{_ZH_DISTRICT})?{_ZH_ROAD}[\u4e00-\u9fff]{{0,10}}?{_ZH_DETAIL})", 0.8, lambda v: has_digit(v) or "号" in v),
    Rule("chinese, after the word", r"(?:地址|住址|住在|家住|居住于|寄到|送到|户籍地|现居|位于)(?:是|为|[:：])?\s?(?P<v>[\u4e00-\u9fff\dA-Za-z-]{4,40}?)(?=[，。；,;\s！？]|$)", 0.7, lambda v: re.search("[省市区县镇乡村路街道巷号栋楼室]", v) is not None and re.search("[是的了即为有]", v) is None),
)  # fmt: skip
_ZH_CITIES: Final = "北京|上海|天津|重庆|广州|深圳|杭州|南京|武汉|成都|西安|苏州|郑州|长沙|沈阳|青岛|大连|厦门|宁波|无锡|福州|济南|哈尔滨|长春|石家庄|太原|合肥|南昌|昆明|贵阳|南宁|海口|兰州|西宁|银川|乌鲁木齐|拉萨|呼和浩特|香港|澳门|台北|东莞|佛山|温州|珠海|三亚"
_ZH_COUNTRIES: Final = "中国|美国|英国|法国|德国|日本|韩国|俄罗斯|印度|加拿大|澳大利亚|意大利|西班牙|巴西|新加坡|泰国|越南|马来西亚|瑞士|荷兰|瑞典|伊朗|伊拉克|以色列|埃及|南非|墨西哥|土耳其|乌克兰|波兰|朝鲜|巴基斯坦|阿富汗|叙利亚|希腊|葡萄牙|奥地利|比利时|挪威|丹麦|芬兰"
_ZH_PROVINCES: Final = "广东|江苏|浙江|山东|河南|河北|四川|湖北|湖南|福建|安徽|江西|陕西|山西|辽宁|吉林|黑龙江|云南|贵州|甘肃|青海|海南|广西|内蒙古|新疆|西藏|宁夏|台湾"
_ZH_PLACES: Final = (
    Rule("chinese cities", rf"(?:{_ZH_CITIES})(?:市(?![民长政委区场]))?", 0.6),
    Rule("chinese provinces", rf"(?:{_ZH_PROVINCES})(?:省(?![委长府])|自治区)?", 0.6),
    Rule("countries in chinese", rf"(?:{_ZH_COUNTRIES})", 0.5),
)  # fmt: skip
_ZH_ORG_KINDS: Final = "有限责任公司|股份有限公司|有限公司|集团公司"
_ZH_ORGS: Final = (
    # Where a sentence or a field begins; what has no legal form is the tagger's matter.
    Rule("chinese", rf"(?<![\u4e00-\u9fff])(?P<v>[\u4e00-\u9fffA-Za-z0-9（）()]{{2,16}}?(?:{_ZH_ORG_KINDS}))", 0.6, lambda value: _zh_organisation(value)),
    Rule("chinese, told", rf"(?:就职于|任职于|供职于|毕业于|就读于|来自)(?P<v>[\u4e00-\u9fffA-Za-z0-9（）()]{{2,14}}?(?:{_ZH_ORG_KINDS}|公司|集团|大学|学院|医院|银行|研究院|研究所|中学|小学|法院|检察院|公安局|事务所|出版社|委员会|基金会|俱乐部))", 0.6, lambda value: _zh_organisation(value)),
)  # fmt: skip
_ZH_NO_ORG: Final = re.compile(
    "(?:我们|你们|他们|这家|那家|一家|某|本|请问|客户|我|联系人|订单|在)|.*(?:的|担任|就职|任职|供职|毕业|就读|来自)"
)


def _zh_organisation(value: str) -> bool:
    return len(value) >= 4 and _ZH_NO_ORG.match(value) is None


_LEGAL: Final = r"(?:GmbH(?: & Co\. ?KGa?A?)?|AG|SE|KG|OHG|UG|e\.\s?V\.|mbH|KGaA|eG|Inc\.?|LLC|Ltd\.?|Limited|Corp\.?|Corporation|Incorporated|Company|Co\.|plc|PLC|LLP|LP|S\.?A\.?R\.?L\.?|SAS|S\.A\.S?\.?|SA|SNC|S\.p\.A\.|S\.r\.l\.|B\.V\.|N\.V\.|AB|Oy|A/S|ASA|Pty|Group|Holdings?|Gruppe|Stiftung|Verlag)(?![\w])"
_ORG_WORD: Final = rf"[{_U}0-9][\w&'’.+-]{{0,40}}"
_KIND_OF_INSURANCE: Final = re.compile(
    r"\b(?:National|Social|Health|Life|Car|Auto|Home|Travel|Medical|Dental|Liability|Unemployment|Pension|Renters|Pet) Insurance$"
)
_ORGS: Final = (
    Rule("legal form", rf"(?<![\w])(?:{_ORG_WORD}[ ](?:(?:&|and|und|et|of|für|de)[ ])?){{1,5}}{_LEGAL}", 0.75),
    Rule("institution", rf"(?<![\w])(?:(?:Technische|Freie|Ludwig-Maximilians-|Humboldt-)[ ]?)?(?:Universität|Hochschule|Universitätsklinikum|Klinikum|Krankenhaus|Amtsgericht|Landgericht|Finanzamt|Sparkasse|Volksbank|Landratsamt|Université|Hôpital|Mairie|Lycée|Collège|Banque|University of|Bank of|Institute of|Ministry of|Ministère (?:de la|du|de l['’]|des))[ ](?:(?:de|du|des|der|für|zu|of|la|le)[ ])?{_PLACE}", 0.65),
    Rule("institution after", rf"(?<![\w])(?:[{_U}][\w'’.-]{{1,40}}[ ]){{1,4}}(?:University|College|Hospital|Institute|Foundation|Bank|Insurance|Airlines|Technologies|Solutions|Systems|Consulting|Partners|Industries|Laboratories|Labs|Pharmaceuticals|Universität|Versicherung|Klinik)(?![\w])", 0.6, lambda value: _KIND_OF_INSURANCE.search(value) is None),
    Rule("works at", rf"(?i:\b(?:works? (?:for|at)|working (?:for|at)|employed (?:by|at)|employee of|arbeite(?:t|n)? (?:bei|für)|angestellt bei|beschäftigt bei|travaille(?:nt)? (?:chez|pour)|employée? (?:chez|de)|我在|就职于|任职于)[ ]?(?:der |die |the |la |le )?)(?P<v>{_ORG_WORD}(?:[ ](?:&[ ])?{_ORG_WORD}){{0,3}})", 0.6),
)  # fmt: skip

_CJK: Final = re.compile("[\u4e00-\u9fff]")


def place_recognizers() -> list[RuleRecognizer]:
    """STREET_ADDRESS, LOCATION, ORGANIZATION."""
    return [
        RuleRecognizer("STREET_ADDRESS", _RULES, wanted=has_digit, language=ANY_LANGUAGE),
        RuleRecognizer(
            "STREET_ADDRESS",
            _ZH_ADDRESSES,
            wanted=_has_cjk,
            language="zh",
            name="street_address_zh",
        ),
        RuleRecognizer("LOCATION", _ZH_PLACES, wanted=_has_cjk, language="zh", name="location_zh"),
        RuleRecognizer("ORGANIZATION", _ZH_ORGS, wanted=_has_cjk, language="zh", name="org_zh"),
        RuleRecognizer("ORGANIZATION", _ORGS, wanted=_has_upper, name="organization"),
        *life_date_recognizers(),
    ]


def _has_cjk(text: str) -> bool:
    return _CJK.search(text) is not None


def _has_upper(text: str) -> bool:
    return _UPPER.search(text) is not None
