"""The wording around a value: sentences, forms, tables, logs, code.

``{n}`` is what the value is called, ``{v}`` the value, ``{o}`` a look-alike without a label.
"""

# One frame a line.
# ruff: noqa: E501

from collections.abc import Mapping, Sequence
from typing import Final

NAMED: Final[Mapping[str, Sequence[str]]] = {
    "en": """
My {n} is {v}, can you check the file?
Please update the record: {n} {v}.
{n}: {v}
{n}:{v}
The applicant's {n} ({v}) was rejected twice this week.
Could you tell me whether {v} is a valid {n}?
She gave us her {n} over the phone, it was "{v}".
Use {n} = {v} for the test account of the customer.
Customer wrote: "{n} {v}, please hurry".
Hi, I think I entered the wrong {n}; the right one is {v}
Order {o} was placed by a client whose {n} is {v}.
As discussed, here is the {n} that you asked for: {v}. Reference {o}.
- {n}: {v}
Verify that {n} {v} matches what we have on file.
""".strip().splitlines(),
    "de": """
Meine {n} lautet {v}, bitte prüfen Sie das.
{n}: {v}
{n} {v} wurde gestern geändert.
Bitte tragen Sie die {n} ({v}) im Formular ein.
Der Kunde nannte als {n} „{v}“.
Ich habe die {n} vergessen, es müsste {v} sein.
Zu Vorgang {o}: die {n} ist {v}.
Können Sie bestätigen, dass {n} {v} stimmt?
- {n}: {v}
""".strip().splitlines(),
    "fr": """
Mon {n} est {v}, pouvez-vous vérifier ?
{n} : {v}
{n}: {v}
Le client a donné son {n} ({v}) hier.
Veuillez noter le {n} suivant : {v}.
Dossier {o}, {n} {v}.
Pour le formulaire, {n} « {v} ».
""".strip().splitlines(),
    "zh": """
我的{n}是{v}，请帮我查一下。
{n}：{v}
{n}:{v}
客户的{n}为{v}，请核对。
请问{n}{v}是否有效？
订单{o}，联系人{n}{v}。
他提供的{n}（{v}）有误。
""".strip().splitlines(),
    "es": """
Mi {n} es {v}, gracias.
{n}: {v}
El cliente con {n} {v} llamó ayer.
""".strip().splitlines(),
    "it": """
Il mio {n} è {v}, grazie.
{n}: {v}
Il cliente con {n} {v} ha chiamato ieri.
""".strip().splitlines(),
    "pl": """
Mój {n} to {v}, dziękuję.
{n}: {v}
Klient, {n} {v}, dzwonił wczoraj.
""".strip().splitlines(),
    "nl": """
Mijn {n} is {v}, bedankt.
{n}: {v}
De klant met {n} {v} belde gisteren.
""".strip().splitlines(),
}
FIELDS: Final = """
{{"id": 17, "{n}": "{v}", "status": "open"}}
id;{n};status\\n17;{v};open
| field | value |\\n| {n} | {v} |
UPDATE customers SET status = 'ok' WHERE {n} = '{v}';
2024-05-01T10:00:00Z INFO form submitted {n}={v} status=200
<field name="{n}">{v}</field>
{n}\\t{v}\\tok
""".strip().splitlines()
BARE: Final[Mapping[str, Sequence[str]]] = {
    "en": """
Is {v} correct?
Please look into {v} and report back.
I got a message about {v} yesterday.
Check "{v}" for me.
The value ({v}) was entered by hand.
{v}
Here: {v}
Draft a reply that mentions {v} and order {o}.
""".strip().splitlines(),
    "de": """
Ist {v} richtig?
Bitte prüfen: {v}.
Im Feld stand „{v}“, das kann nicht sein.
{v}
""".strip().splitlines(),
    "fr": """
Est-ce que {v} est correct ?
Merci de vérifier {v}.
Il a noté « {v} » sur la page.
""".strip().splitlines(),
    "zh": """
请核实{v}。
{v}对吗？
系统里显示的是{v}，请处理。
""".strip().splitlines(),
}
AGES: Final[Mapping[str, Sequence[str]]] = {
    "en": ["My son is {v} and likes chess.", "A {v} patient came in with a cough.", "I am {v}.", "She was {v} when it happened."],
    "de": ["Ich bin {v} und wohne allein.", "Mein Vater ist {v}.", "Die {v} Patientin klagt über Schwindel."],
    "fr": ["J'ai {v} et je cherche un emploi.", "Un homme âgé de {v} est arrivé.", "Elle a {v}."],
    "zh": ["我今年{v}。", "患者，男，{v}，咳嗽三天。", "她{v}了。"],
}  # fmt: skip
HARMLESS: Final[Mapping[str, Sequence[str]]] = {
    "en": """
Your order {o} has shipped and will arrive soon.
Invoice {o} is overdue, please remind the customer.
The build {o} failed at step three.
See ticket {o} for details.
Package {o} was scanned in Leipzig.
We paid {o} for the machine.
Version {o} fixes the bug.
The part number is {o}, the price is on page 4.
Log: request {o} took 31 ms.
Product {o} is out of stock.
Please compare {o} with the old value.
The reference is {o}.
ISBN {o} is a good book.
The score was {o} in the end.
Commit {o} broke the tests.
""".strip().splitlines(),
    "de": """
Ihre Bestellung {o} wurde versandt.
Rechnung {o} ist noch offen.
Siehe Vorgang {o} im System.
Artikel {o} ist ausverkauft.
Wir haben {o} bezahlt.
Die Sendung {o} liegt in der Filiale.
""".strip().splitlines(),
    "fr": """
Votre commande {o} a été expédiée.
La facture {o} est en retard.
Voir le ticket {o} pour les détails.
L'article {o} est épuisé.
""".strip().splitlines(),
    "zh": """
您的订单{o}已发货。
发票{o}还没有付款。
请查看工单{o}。
商品{o}缺货。
版本{o}已发布。
""".strip().splitlines(),
}
