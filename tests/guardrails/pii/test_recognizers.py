"""Tables of what each recognizer finds and of look-alikes that it leaves alone.

The numbers are made up or are published test numbers; checksums are real.
"""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import time

import pytest

from guardrails.pii import PiiEngine

FOUND = [
    ("EMAIL_ADDRESS", "write to greta.vogel@example.com.", "greta.vogel@example.com"),
    ("EMAIL_ADDRESS", "O'Neil+x@sub.example.co.uk, thanks", "O'Neil+x@sub.example.co.uk"),
    ("EMAIL_ADDRESS", "an jörg@müller.de schicken", "jörg@müller.de"),
    ("EMAIL_ADDRESS", "请发到greta@example.com谢谢", "greta@example.com"),
    ("EMAIL_ADDRESS", "邮箱 用户@例子.公司", "用户@例子.公司"),
    ("EMAIL_ADDRESS", "greta.vogel (at) example (dot) com", "greta.vogel (at) example (dot) com"),
    ("EMAIL_ADDRESS", "<greta@xn--mller-kva.de>", "greta@xn--mller-kva.de"),
    ("PHONE_NUMBER", "phone +49 170 1234567", "+49 170 1234567"),
    ("PHONE_NUMBER", "电话+49 170 1234567", "+49 170 1234567"),
    ("PHONE_NUMBER", "Call (415) 555-2671 now", "(415) 555-2671"),
    ("PHONE_NUMBER", "030 / 901820-15", "030 / 901820-15"),
    ("PHONE_NUMBER", "Mobil: 0171/2345678", "0171/2345678"),
    ("PHONE_NUMBER", "au 06 12 34 56 78 demain", "06 12 34 56 78"),
    ("PHONE_NUMBER", "手机13812345678，", "13812345678"),
    ("PHONE_NUMBER", "电话010-62345678", "010-62345678"),
    ("PHONE_NUMBER", "ring 020 7946 0958 please", "020 7946 0958"),
    ("PHONE_NUMBER", "my phone is 555 0199 22", "555 0199 22"),
    ("IP_ADDRESS", "from 86.231.85.193.", "86.231.85.193"),
    ("IP_ADDRESS", "at 2001:db8::8a2e:370:7334 now", "2001:db8::8a2e:370:7334"),
    ("MAC_ADDRESS", "card 00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E"),
    ("URL", "see https://shop.example/x?user=greta&id=3 now", "https://shop.example/x?user=greta&id=3"),
    ("URL", "https://www.linkedin.com/in/greta-vogel/", "https://www.linkedin.com/in/greta-vogel"),
    ("IBAN_CODE", "IBAN DE89 3704 0044 0532 0130 00 bitte", "DE89 3704 0044 0532 0130 00"),
    ("IBAN_CODE", "my iban is gb82west12345698765432", "gb82west12345698765432"),
    ("IBAN_CODE", "FR1420041010050500013M02606", "FR1420041010050500013M02606"),
    ("BIC", "BIC: COBADEFFXXX", "COBADEFFXXX"),
    ("CREDIT_CARD", "pay 4111 1111 1111 1111 today", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "amex 378282246310005", "378282246310005"),
    ("CREDIT_CARD", "order 4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "bestellt mit Karte 4111111111111111", "4111111111111111"),
    ("PHONE_NUMBER", "order +49 170 1234567", "+49 170 1234567"),
    ("PHONE_NUMBER", "invoice (415) 555-2671", "(415) 555-2671"),
    ("PHONE_NUMBER", "order: call 0171 2345678", "0171 2345678"),
    ("PHONE_NUMBER", "Handy zur Bestellung: 0171 2345678", "0171 2345678"),
    ("PHONE_NUMBER", "Kontakt zum Auftrag: 0171 2345678", "0171 2345678"),
    ("PHONE_NUMBER", "Rechnung 4711, 0171 2345678", "0171 2345678"),
    ("PASSPORT", "Reisepass Nr. CHTX4GGH9", "CHTX4GGH9"),
    ("PASSPORT", "passport number CFVT03JM0", "CFVT03JM0"),
    ("PERSON", "我叫维克多·雨果，", "维克多·雨果"),
    ("LOCATION", "无锡市民很高兴", "无锡"),
    ("CRYPTO", "to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("CRYPTO", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    ("US_SSN", "SSN 536-32-3065", "536-32-3065"),
    ("US_SSN", "social security number: 536323065", "536323065"),
    ("US_DRIVER_LICENSE", "driver's license number is A56319335", "A56319335"),
    ("UK_NINO", "NI number AB 12 34 56 C", "AB 12 34 56 C"),
    ("UK_NHS", "NHS 943 476 5919", "943 476 5919"),
    ("DE_TAX_ID", "Steuer-ID 86 095 742 719", "86 095 742 719"),
    ("DE_TAX_NUMBER", "Steuernummer 93/815/08152", "93/815/08152"),
    ("DE_SOCIAL_SECURITY", "SV 15070649C103", "15070649C103"),
    ("DE_ID_CARD", "Personalausweis L01X00T471", "L01X00T471"),
    ("FR_NIR", "NIR 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
    ("CN_RESIDENT_ID", "身份证号11010519491231002X。", "11010519491231002X"),
    ("PASSPORT", "passport number C01X0006H", "C01X0006H"),
    ("PASSPORT", "护照号E12345678", "E12345678"),
    ("LICENSE_PLATE", "Kennzeichen M-AB 1234", "M-AB 1234"),
    ("LICENSE_PLATE", "车牌京A12345", "京A12345"),
    ("DATE_OF_BIRTH", "born on 3 May 1984 in", "3 May 1984"),
    ("DATE_OF_BIRTH", "geboren am 03.05.1984", "03.05.1984"),
    ("DATE_OF_BIRTH", "née le 3 mai 1984", "3 mai 1984"),
    ("DATE_OF_BIRTH", "出生日期：1984年5月3日", "1984年5月3日"),
    ("STREET_ADDRESS", "Hauptstraße 12a, 10115 Berlin ist", "Hauptstraße 12a, 10115 Berlin"),
    ("STREET_ADDRESS", "in der Berliner Str. 7, 80331 München", "Berliner Str. 7, 80331 München"),
    ("STREET_ADDRESS", "at 92 Main Street, Springfield, IL 62704", "92 Main Street, Springfield, IL 62704"),
    ("STREET_ADDRESS", "au 12 bis rue de la Paix, 75002 Paris", "12 bis rue de la Paix, 75002 Paris"),
    ("STREET_ADDRESS", "住在北京市朝阳区建国路88号3号楼1203室", "北京市朝阳区建国路88号3号楼1203室"),
    ("PERSON", "my name is greta vogel and", "greta vogel"),
    ("PERSON", "My name is Greta Vogel, write", "Greta Vogel"),
    ("PERSON", "Dr. O'Neil-Smith said", "O'Neil-Smith"),
    ("PERSON", "Ich heiße Jörg von der Heide.", "Jörg von der Heide"),
    ("PERSON", "ich heiße greta vogel", "greta vogel"),
    ("PERSON", "mein Name ist Vogel", "Vogel"),
    ("PERSON", "Herr Dr. Müller-Lüdenscheidt kommt", "Dr. Müller-Lüdenscheidt"),
    ("PERSON", "Bis bald\n\nMit freundlichen Grüßen\nGreta Vogel", "Greta Vogel"),
    ("PERSON", "Je m'appelle Élodie Dupré.", "Élodie Dupré"),
    ("PERSON", "je m'appelle greta vogel", "greta vogel"),
    ("PERSON", "Mme Dupré est là", "Dupré"),
    ("PERSON", "我叫王小明，今年30岁", "王小明"),
    ("PERSON", "我叫格蕾塔·沃格尔，", "格蕾塔·沃格尔"),
    ("PERSON", "请联系李雷先生。", "李雷"),
    ("PERSON", "欧阳娜娜女士", "欧阳娜娜"),
    ("PERSON", '{"first_name": "greta"}', "greta"),
    ("ORGANIZATION", "bei der Vogel & Söhne GmbH gekauft", "Vogel & Söhne GmbH"),
    ("ORGANIZATION", "就职于华为技术有限公司。", "华为技术有限公司"),
    ("LOCATION", "我在上海出差", "上海"),
    ("API_KEY", "key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("API_KEY", "ghp_" + "a1B2" * 9, "ghp_" + "a1B2" * 9),
    ("API_KEY", "xoxb-123456789012-abcdefABCDEF", "xoxb-123456789012-abcdefABCDEF"),
    ("API_KEY", "AIza" + "Sy0a-" * 7, "AIza" + "Sy0a-" * 7),
    ("API_KEY", "sk_live_" + "4eC39HqLyjWDarjt", "sk_live_4eC39HqLyjWDarjt"),
    ("API_KEY", "sk-proj-abc123def456ghi789", "sk-proj-abc123def456ghi789"),
    ("API_KEY", 'api_key = "9f8e7d6c5b4a39281706"', "9f8e7d6c5b4a39281706"),
    ("API_KEY", "Authorization: Bearer 0a1b2c3d4e5f6g7h8i9j", "0a1b2c3d4e5f6g7h8i9j"),
    ("JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"),
    ("CONNECTION_STRING", "postgres://app:s3cret@db.local:5432/x", "postgres://app:s3cret@db.local:5432/x"),
    ("PASSWORD", "password = 'hunter2!'", "hunter2!"),
    ("PASSWORD", "DB_PASSWORD=hunter2!x", "hunter2!x"),
    ("PASSWORD", "Mein Passwort lautet Geheim#42", "Geheim#42"),
    ("PASSWORD", "密码是abc12345，", "abc12345"),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "value"), FOUND)
def test_found(patterns: PiiEngine, entity: str, text: str, value: str) -> None:
    spans = patterns.detect(text)
    found = [(span.entity_type, text[span.start : span.end]) for span in spans]
    assert (entity, value) in found


def test_the_word_ring_is_no_street(patterns: PiiEngine) -> None:
    (span,) = patterns.detect("ring 020 7845 3669")
    assert span.entity_type == "PHONE_NUMBER"


def test_a_private_key_is_found_whole(patterns: PiiEngine) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\nabc\n-----END RSA PRIVATE KEY-----"
    (span,) = patterns.detect(f"here:\n{key}\nkeep it")
    assert (span.entity_type, span.end - span.start) == ("PRIVATE_KEY", len(key))


LEFT_ALONE = [
    "", " \n\t", "\U0001f600\U0001f600", "…", "a", "@", "12",
    "Version 1.2.3 and 10.15.7 of v2.0.0-rc1",
    "order 4711-2020, invoice 2024-000123",
    "It costs 1,299.00 EUR or 19.99 $ in 2024.",
    "from 2024-05-01T10:00:00Z to 2024-05-02",
    "am 03.05.2024 um 10:30 Uhr",
    "550e8400-e29b-41d4-a716-446655440000",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "listen on 127.0.0.1:8080 and 0.0.0.0",
    "May I ask? Will it work? Mark the text.",
    "for i in range(10): print(i, x[i:j], a[::2])",
    "def f(password: str, token: str = None) -> bool:",
    'password = os.environ["PASSWORD"]',
    "api_key=${API_KEY} token=<token>",
    "The password is required and must be long enough.",
    "std::vector<int> a = {1, 2, 3};",
    "4111 1111 1111 1112 is a line of numbers",
    "the ratio is 123456789012 to one",
    "I am happy to help, I'm not sure.",
    "My name is not important.",
    "Ich bin sicher, das ist richtig.",
    "Je suis très content.",
    "我是一名学生，今天天气很好。",
    "ISO 9001, RFC 2616, EN 50128",
    "3 days on the road, 2 people in the park",
    "http://example.com/docs?page=2&sort=asc",
    "IPv6 uses :: and std::string",
    "E = mc^2, 3.14159265358979",
    "chapter 12.3.4.5.6",
    "10000 Euro und 20000 Kunden",
    "user@ and @user and a @ b",
    "[PERSON_1] and <EMAIL_ADDRESS_2>",
    "build 0866868298 passed",
    "Artikelnummer 039-8361-56",
    "Rechnungsnummer 0369485605 vom 2024",
    "order 087-0439261-7507165",
    "request took 9774 ms id=076094297990",
    "orderId: 0866868298",
    "076602818 rows affected",
    "numéro de commande 903251317",
    "订单号6701045980825057",
    "发票编号 039-8361-56",
    "EAN 5457818886803",
    "order 232-6278454-3869667",
    "id=519693632274",
    "订单1:66174，联系人银行卡",
    "整个城市都在下雨，这个省也是",
    "Please call me when you're here.",
]  # fmt: skip


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_left_alone(patterns: PiiEngine, text: str) -> None:
    assert [(span.entity_type, text[span.start : span.end]) for span in patterns.detect(text)] == []


HARD = {
    "digits": "1234 " * 2_000, "zeros": "0" * 10_000, "names": "Greta Vogel Anna " * 600,
    "dashes": "1-2-3-" * 1_700, "mails": "a@" * 5_000, "dots": "a.b" * 3_400 + "@",
    "chinese": "王小明在北京市朝阳区建国路" * 800, "roads": "路" * 10_000, "spaces": " " * 10_000,
    "urls": "http://a?" * 1_100, "streets": "Hauptstraße " * 850, "words": "12 a b c d " * 900,
    "keys": "-----BEGIN PRIVATE KEY-----" * 370, "pairs": "server=a " * 1_100, "ones": "1 " * 5_000,
    "apostrophes": "a'" * 5_000, "particles": "Greta von von " * 700, "underscores": "_" * 10_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_no_text_makes_a_pattern_slow(patterns: PiiEngine, name: str) -> None:
    started = time.process_time()
    patterns.detect(HARD[name])
    # 10,000 characters take some 0.1 s; a quadratic pattern takes many seconds.
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("word", ["Reference record: ", "ticket ", "order ", "id="])
def test_a_number_grouped_as_telephones_are_is_one_behind_any_word(
    engine: PiiEngine, word: str
) -> None:
    spans = engine.detect(f"{word}206-555-0142 and so on")
    assert [span.entity_type for span in spans] == ["PHONE_NUMBER"]
