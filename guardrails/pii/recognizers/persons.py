"""Names of people where the wording gives them away, in English, German, French, Chinese.

A word model misses names in lower case and in languages that it was not trained on; nobody
writes "my name is" without a name.
"""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import ANY_LANGUAGE, Rule, RuleRecognizer

_U: Final = r"A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΑ-ΩА-Я"
_W: Final = rf"[{_U}][\w'’\u0300-\u036f-]{{0,40}}[\w]|[{_U}]\."
_PARTICLE: Final = (
    r"(?:von|van|der|den|de|del|della|di|da|dos|du|la|le|zu|zur|bin|ibn|al|el|ter|ten|y)"
)
# One to four words, capitals as names have them.
NAME: Final = rf"(?:{_W})(?:[ \u00a0]+(?:{_PARTICLE}[ \u00a0]+){{0,2}}(?:{_W})){{0,3}}"
_FULL_NAME: Final = rf"(?:{_W})(?:[ \u00a0]+(?:{_PARTICLE}[ \u00a0]+){{0,2}}(?:{_W})){{1,3}}"
_TITLES: Final = (
    r"(?:(?:Dr|Prof|Dipl|Ing|med|jur|phil|rer|nat|Mag|PhD|h|c|Sir|Dame)\b\.?(?:-Ing\.)?[ ]?)*"
)
# In lower case only after wording that leaves no doubt.
_LOWER: Final = r"[^\W\d_][\w'’-]+(?:[ ]+(?!(?:and|und|et|or|but|from|with|my|i|ich|je|at|in|on|is|please|write|aus|bei|wohne|meine|mein|born|working|here|living|calling|who|geboren|arbeite|schreib|bitte|j|né|née|de|à|téléphone|mon|ma|to|the|a|for|of|as|so)\b)[^\W\d_][\w'’-]+)?"

_NOT_A_NAME: Final = frozenset(
    """
    a an the not here sure sorry happy interested looking trying writing calling working going
    just so very also still always really from in on at with your my his her their our its ein
    eine einen der die das nicht hier sicher gerade auch noch sehr immer krank neu am im bei aus
    auf seit un une le la les pas ici très aussi encore en au required empty unknown missing too
    what who it that this there important called listed null none is was correct wrong mandatory
    optional displayed case stored der den spelled misspelled changed known everyone nobody
    someone like as being having afraid glad sie er wir ihr mich dich uns allowed invalid
    undefined hidden string unclear different when if back later tomorrow today tonight please
    after before anytime asap again now soon once while until whenever about
    """.split()
)


# What fields of forms are called: "Customer Visa", "patient ID", "Kunde Steuernummer".
_FIELD_WORD: Final = re.compile(
    r"[\w-]*(?:nummer|number|num[ée]ro|-nr\.?|ausweis|karten?|kennzeichen|adresse|anschrift|schein|konto|code|card|account|datum|date)"
    r"|(?:id|ids|no|nr|tel|fax|phone|telefon|telephone|mobile|handy|e-?mail|visa|mastercard|iban|bic|swift|dob|ssn|vat|tin|address|social|national|passport|"
    r"pass|reisepass|steuer-?id|license|licence|plate|iban|ref|reference|record|data|type|name|status|service|support|experience|care|uid|url|ip|mac|pin)",
    re.IGNORECASE,
)


def _is_name(value: str) -> bool:
    words = value.split()
    if not words or len(value) < 2 or _FIELD_WORD.fullmatch(words[0]):
        return False
    return words[0].lower().strip(".,'’") not in _NOT_A_NAME


def _is_person_of(value: str) -> bool:
    """After "customer" or "patient" a word in capitals is the name of a field: "UID", "MRN"."""
    return _is_name(value) and not (value.isupper() and len(value) <= 5 and " " not in value)


_NAME_CHECKED: Final = _is_name
_EN: Final = (
    Rule(
        "introduction",
        r"(?i:\b(?:my|his|her|their|the|your|our|patient'?s?|client'?s?|customer'?s?|employee'?s?|husband'?s|wife'?s|boss'?s|partner'?s|friend'?s?|mother'?s|father'?s|son'?s|daughter'?s)\s+(?:full |first |last |real |given |family |maiden |middle |nick)?name(?:'s| is| was|:)\s+)"
        rf"(?P<v>{_TITLES}(?:{NAME}|{_LOWER}))",
        0.85,
        _is_name,
    ),
    Rule("i am", rf"\b(?:I am|I'm|I’m|i am|i'm|This is|this is|It's|it's)\s+(?P<v>{_TITLES}{_FULL_NAME})", 0.6, _is_name),
    Rule("i am, one name", rf"\b(?:I am|I'm|I’m)\s+(?P<v>[{_U}][a-zà-ÿ]{{2,}})(?=[,.!]| and | from )", 0.55, _is_name),
    Rule("called", rf"(?i:\b(?:people|everyone|friends|everybody|they|you can|please|just|can|may|folks) (?:usually |always |sometimes )?calls? me\s+)(?P<v>{NAME}|{_LOWER})", 0.8, _is_name),
    Rule("called me", rf"(?i:\bcall me\s+)(?P<v>{NAME})(?=$|[.,!])", 0.6, _is_name),
    Rule("named", rf"(?i:\b(?:named|called|by the name of|name of|known as)\s+)(?P<v>{_TITLES}{NAME})", 0.6, _is_name),
    Rule("name of", r"(?i:\b(?:partner|husband|wife|boss|colleague|friend|brother|sister|neighbou?r|manager|assistant|doctor|lawyer|landlord|tenant|patient|client|customer|employee|mother|father|son|daughter|uncle|aunt|cousin)(?:'s name)?,?\s+)" + rf"(?P<v>{_TITLES}{NAME})(?!['’]s name)", 0.55, _is_person_of),
    Rule("title", rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Judge|Captain|Reverend|Rev|mr|mrs|ms|dr|prof|MR|MRS|MS|DR)\b\.?\s{{1,2}}(?P<v>{_TITLES}{NAME})", 0.85, _is_name),
    Rule("title, lower case", r"(?<!\w)(?:mr|mrs|ms|miss|dr|prof)\b\.?\s(?P<v>[a-zà-ÿ][\w'’-]+(?: [a-zà-ÿ][\w'’-]{2,})?)", 0.6, _is_name),
    Rule("greeting", rf"(?:^|\n)[ \t]*(?:[Dd]ear|DEAR|[Hh]i|HI|[Hh]ello|[Hh]ey|Good (?:morning|afternoon|evening))[ ,]+(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? )?(?P<v>{NAME})(?=\s*[,:!\n–-]|$)", 0.7, _is_name),
    Rule("signature", rf"(?i:(?:^|\n)[ \t]*(?:(?:kind|best|warm|many thanks and)? ?(?:regards|wishes)|yours (?:sincerely|faithfully|truly)|sincerely(?: yours)?|cheers|thanks|thank you|many thanks|best|cordially)[ \t]*[,.!]?[ \t]*\n\s*)(?P<v>{_TITLES}{NAME})(?=[ \t]*(?:$|\n|,))", 0.8, _is_name),
)  # fmt: skip
_DE: Final = (
    Rule(
        "introduction",
        r"(?i:\b(?:ich hei(?:ß|ss)e|(?:mein|sein|ihr|der|dein|unser|voller|vollständiger) (?:voller |vollständiger )?(?:name|vorname|nachname) (?:ist|lautet|war)|ich bin (?:der|die)|(?:er|sie|die|der) hei(?:ß|ss)t|man nennt mich|genannt)\s+)"
        rf"(?:(?i:herr|frau)\s+)?(?P<v>{_TITLES}(?:{NAME}|{_LOWER}))",
        0.85,
        _is_name,
    ),
    Rule("ich bin", rf"\b[Ii]ch bin\s+(?P<v>{_FULL_NAME})", 0.6, _is_name),
    Rule("hier", rf"\b(?:[Hh]ier (?:ist|spricht|schreibt))\s+(?P<v>{NAME})", 0.7, _is_name),
    Rule("field", rf"(?i:\b(?:name|vorname|nachname|familienname|vor- und nachname|geburtsname|ansprechpartner(?:in)?|patient(?:in)?|kunde|kundin|mitarbeiter(?:in)?|mandant(?:in)?|kontoinhaber(?:in)?|antragsteller(?:in)?|absender|empf[äa]nger|bearbeiter(?:in)?|sachbearbeiter(?:in)?|arzt|ärztin|mieter(?:in)?)[ \t]*[:：][ \t]*)(?:(?i:herr|frau)\s+)?(?P<v>{_TITLES}{NAME})", 0.8, _is_name),
    Rule("title", rf"\b(?:Herrn?|Frau|Hr\.|Fr\.|Fräulein|Familie|Eheleute|Kollegen?|Kollegin|herrn?|frau|familie)\s+(?P<v>{_TITLES}{NAME})", 0.85, _is_name),
    Rule("title, lower case", r"\b(?i:herrn?|frau)\s+(?P<v>(?:dr\.? )?[a-zà-ÿ][a-zà-ÿ-]{2,})\b", 0.6, lambda v: _is_name(v) and v.split()[-1] not in _GERMAN_AFTER_FRAU),
    Rule("greeting", rf"(?:^|\n)[ \t]*(?:[Ll]iebe[rs]?|[Hh]allo|[Gg]uten (?:[Tt]ag|[Mm]orgen|[Aa]bend)|[Ss]ehr geehrte[rs]?|[Mm]oin|[Ss]ervus|[Gg]rüß [Gg]ott|[Gg]rüezi)[ ,]+(?:(?:Herrn?|Frau) )?(?P<v>{_TITLES}{NAME})(?=\s*[,:!\n–-]|$)", 0.7, _is_name),
    Rule("signature", rf"(?i:(?:(?:mit |viele |beste |liebe |herzliche |schöne )+(?:freundlichen |besten |herzlichen |lieben )*gr(?:ü|ue)(?:ß|ss)en?|hochachtungsvoll|\bmfg|\blg|\bvg|herzlichst|gr(?:ü|ue)(?:ß|ss)e)[ \t]*[,.!]?[ \t]*(?:\n\s*| (?=[{_U}][a-zà-ÿ]+ [{_U}])))(?:i\. ?[AV]\. )?(?P<v>{_TITLES}{NAME})(?=[ \t]*(?:$|\n|,))", 0.8, _is_name),
)  # fmt: skip
_GERMAN_AFTER_FRAU: Final = frozenset(
    """
    und oder ist hat war wird kann muss soll will sich mit von ohne als bei die der das in zu
    aus nicht auch noch sehr nur über über für mein meine dein sein ihre haben sind kommt geht
    sagt bitte bekommt gibt macht arbeitet wohnt
    """.split()
)
_FR: Final = (
    Rule(
        "introduction",
        r"(?i:\b(?:je m['’]appelle|(?:mon|son|notre|votre|le) (?:nom|prénom|nom complet|nom de famille|nom et prénom) est|je suis (?:m\.|mme|monsieur|madame|mademoiselle)|(?:il|elle) s['’]appelle|nommée?|prénommée?|on m['’]appelle)\s+)"
        rf"(?P<v>{_TITLES}(?:{NAME}|{_LOWER}))",
        0.85,
        _is_name,
    ),
    Rule("je suis", rf"\b[Jj]e suis\s+(?P<v>{_FULL_NAME})", 0.6, _is_name),
    Rule("field", rf"(?i:\b(?:nom|prénom|nom et prénom|nom complet|titulaire|destinataire|expéditeur|patiente?|cliente?|salariée?|interlocuteur|interlocutrice)[ \t\u00a0]*[:：][ \t]*)(?P<v>{_TITLES}{NAME})", 0.8, _is_name),
    Rule("title", rf"\b(?:M\.|MM\.|Mme|Mmes|Mlle|Mr|Monsieur|Madame|Mademoiselle|Maître|Me|Docteur|Dr|Pr|monsieur|madame|mme)\s+(?P<v>{_TITLES}{NAME})", 0.8, _is_name),
    Rule("greeting", rf"(?:^|\n)[ \t]*(?:[Bb]onjour|[Bb]onsoir|[Ss]alut|[Cc]hère?|[Cc]oucou)[ ,]+(?:(?:M\.|Mme|Mlle|Monsieur|Madame) )?(?P<v>{NAME})(?=\s*[,:!\n–-]|$)", 0.7, _is_name),
    Rule("signature", rf"(?i:(?:cordialement|bien à vous|sincères salutations|salutations distinguées|bien cordialement|amicalement|respectueusement|meilleures salutations|à bientôt|bises)[ \t]*[,.!]?[ \t]*\n\s*)(?P<v>{_TITLES}{NAME})(?=[ \t]*(?:$|\n|,))", 0.8, _is_name),
)  # fmt: skip
_FIELD: Final = Rule(
    "field",
    rf"(?i:\b(?:full name|first name|last name|surname|name|contact|contact person|patient|client|customer|employee|from|to|cc|sender|recipient|attn|attention|author|assigned to|assignee|reported by|account holder|cardholder|candidate|applicant|student|tenant|landlord|beneficiary|signed|signed by)[ \t]*[:：][ \t]*)(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? )?(?P<v>{_FULL_NAME})",
    0.7,
    _is_name,
)  # fmt: skip
_JSON_FIELD: Final = Rule(
    "quoted field",
    r"""(?i:["'](?:full_?|first_?|last_?|family_?|given_?|sur|user_?|customer_?|contact_?|display_?|employee_?|patient_?|vor|nach)name["']\s*:\s*)["'](?P<v>[^"'\n]{2,60})["']""",
    0.75,
    lambda value: re.search(r"[^\W\d_]", value) is not None and "_" not in value,
)  # fmt: skip

# The hundred and some commonest surnames cover about 87% of people in China; compound ones too.
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷曲盛冉翁蓝骆路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
_COMPOUND: Final = (
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|长孙|宇文|夏侯|端木|独孤|南宫"
)
_ZH_NAME: Final = rf"(?:(?:{_COMPOUND})[\u4e00-\u9fff]{{1,2}}|[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}|[\u4e00-\u9fff]{{1,6}}·[\u4e00-\u9fff]{{1,6}}?)"
_ZH_STOP: Final = r"(?=[，。！？、；：,.!?;:\s（(）)“”\"'《》]|$|是|的|在|和|与|及|说|住|来自|今年|电|手机|邮|身份|先生|女士|小姐|老师|经理|医生|同学|主任|教授|，|你|您|我|于|出生|男|女|去|有|要|想|向|给|已|将|对|就|也|从|到|跟|曾|了|被|把|请|能|会|一|这|那)"
_ZH_TITLES: Final = r"先生|女士|小姐|太太|夫人|老师|经理|医生|大夫|同学|主任|教授|总监|同志|总经理|董事长|律师|院长|校长|博士|警官|师傅|会计|工程师|秘书|局长|部长|书记|省长|市长|主席|总理|总统"
_ZH: Final = (
    Rule("introduction", rf"(?:我叫|名叫|名字叫|我的名字是|名字是|名为|姓名是|姓名为|我是|他叫|她叫|叫做|本人叫|全名是|全名叫|联系人是)(?P<v>{_ZH_NAME}){_ZH_STOP}", 0.85),
    Rule("introduction, any name", r"(?:我叫|名叫|我的名字是|我的名字叫|姓名是|姓名为|他叫|她叫)(?P<v>[\u4e00-\u9fff·]{2,4}?)(?=[，。！？、；,.!?;\s]|$)", 0.75),
    Rule("latin name", r"(?:我叫|名叫|我的名字是|我的名字叫|姓名是|姓名为|他叫|她叫|我是|姓名[:：])\s?(?P<v>[A-Za-zÀ-ɏ][\w'’-]+(?:[ ·][A-Za-zÀ-ɏ][\w'’-]+){0,3})", 0.85, _is_name),
    Rule("field", rf"(?:姓名|名字|联系人|客户|患者|病人|收件人|寄件人|持卡人|户名|员工|学生|申请人|负责人|经办人|法定代表人|法人|签名|签字|投保人|被保险人|作者|记者|主讲人)\s?[:：]\s?(?P<v>{_ZH_NAME})(?=\W|$|\s|{_ZH_TITLES}|电|手|身|性|男|女)", 0.85),
    Rule("title after", rf"(?<![\u4e00-\u9fff])(?P<v>{_ZH_NAME})(?=(?:{_ZH_TITLES}))", 0.8),
    Rule("title after, in a sentence", rf"(?:请|找|给|向|和|与|跟|由|对|是|为|致|联系|通知|告诉|问|让|叫|感谢|尊敬的|亲爱的|的|派|及|、|，|转告|约了|见|陪)(?P<v>{_ZH_NAME})(?=(?:{_ZH_TITLES}))", 0.75),
    Rule("surname and title", rf"(?:(?<![\u4e00-\u9fff])|(?<=[请找给向和与跟由对是为致的])|(?<=联系)|(?<=通知)|(?<=感谢)|(?<=尊敬的))(?P<v>[{_SURNAMES}])(?=(?:先生|女士|小姐|太太|老师|经理|医生|大夫|总|教授|律师)(?!院))", 0.6),
    Rule("speaks", rf"(?:^|[\s，。；：“”、\n])(?P<v>{_ZH_NAME})(?=(?:今年|现年|来自|表示|认为|指出|介绍|告诉记者|告诉|强调|透露|回应|解释|称|说道|说|回忆|坦言|住在|出生于|毕业于|任职|担任))", 0.7),
    Rule("role before", rf"(?:总经理|董事长|经理|主任|校长|院长|局长|部长|市长|省长|县长|书记|主席|总理|总统|教授|记者|导演|演员|歌手|医生|律师|教练|队长|球员|选手|CEO|作家|专家|院士|博士|同事|朋友|老板|妻子|丈夫|儿子|女儿|父亲|母亲|哥哥|姐姐|弟弟|妹妹|邻居)(?P<v>{_ZH_NAME}){_ZH_STOP}", 0.65),
    Rule("greeting", rf"(?:^|\n)\s*(?:尊敬的|亲爱的)(?P<v>{_ZH_NAME})(?=[，：,:！!\s]|$)", 0.8),
    Rule("signature", rf"(?:此致\s*敬礼|祝好|顺祝商祺|谢谢)[！!。，,]?\s*\n\s*(?P<v>{_ZH_NAME})(?=\s*(?:$|\n))", 0.8),
    Rule("alone in a list", rf"(?<![\u4e00-\u9fff])(?P<v>{_ZH_NAME})(?=[，,、]\s?(?:男|女|汉族|身份证|电话|手机|19\d\d年|20\d\d年|\d{{2}}岁|今年))", 0.8),
)  # fmt: skip
_CJK: Final = re.compile("[\u4e00-\u9fff]")
_LETTER: Final = re.compile("[A-Za-zÀ-ɏ]")


def _has_cjk(text: str) -> bool:
    return _CJK.search(text) is not None


def _has_letter(text: str) -> bool:
    return _LETTER.search(text) is not None


def person_recognizers() -> list[RuleRecognizer]:
    """Per language, since the engine can be loaded with fewer."""
    return [
        RuleRecognizer("PERSON", _EN, wanted=_has_letter, language="en", name="person_en"),
        RuleRecognizer("PERSON", _DE, wanted=_has_letter, language="de", name="person_de"),
        RuleRecognizer("PERSON", _FR, wanted=_has_letter, language="fr", name="person_fr"),
        RuleRecognizer("PERSON", _ZH, wanted=_has_cjk, language="zh", name="person_zh"),
        RuleRecognizer(
            "PERSON",
            (_FIELD, _JSON_FIELD),
            wanted=lambda text: ":" in text or "：" in text,
            language=ANY_LANGUAGE,
            name="person_field",
        ),
    ]
