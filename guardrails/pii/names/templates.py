"""Sentences as people write them to a model, to be filled with names.

News and encyclopaedias, which the labelled sets come from, have no "Bitte schreibe eine E-Mail
an ..."; without such sentences a tagger takes every German noun in a prompt for a name.
"""

# One sentence a line.
# ruff: noqa: E501

import random
import re
from collections.abc import Iterator
from typing import Any, Final

_SLOT: Final = re.compile(r"\{(PER|LOC|ORG)\}")
_PLACES: Final = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}

_DE: Final = """
Bitte schreibe eine E-Mail an {PER} wegen der Rechnung vom letzten Monat.
Ich heiße {PER} und arbeite bei {ORG} in {LOC}.
Sehr geehrte Frau {PER}, vielen Dank für Ihre Anfrage zum Vertrag.
Sehr geehrter Herr {PER}, anbei erhalten Sie das Angebot und die Unterlagen.
{PER} hat gestern im Büro angerufen und um einen Rückruf gebeten.
Kannst du für {PER} einen Termin am Montag in {LOC} vereinbaren?
Der Kunde {PER} von {ORG} beschwert sich über die Lieferung.
Meine Kollegin {PER} und mein Chef {PER} fahren nach {LOC}.
Fasse das Gespräch zwischen {PER} und {PER} zusammen.
Hallo {PER}, wie besprochen sende ich dir die Datei mit den Zahlen.
Mit freundlichen Grüßen {PER}
Wie ist das Wetter heute in {LOC}?
Die Firma {ORG} aus {LOC} hat Insolvenz angemeldet.
Der Patient {PER} klagt über Schmerzen in der Brust und Schwindel.
Laut {PER} soll die Sitzung auf Freitag verschoben werden.
Schreibe ein Empfehlungsschreiben für {PER}, die sich bei {ORG} bewirbt.
{PER} wohnt seit drei Jahren in {LOC}, der Mietvertrag läuft aus.
Überweise bitte den Betrag an {PER} bei der {ORG}.
Ich habe eine Frage zu meiner Rechnung vom letzten Monat, können Sie mir bitte helfen?
Welche Unterlagen brauche ich für den Antrag auf Elterngeld?
Erkläre mir den Unterschied zwischen Aktien und Anleihen in einfachen Worten.
Bitte übersetze den folgenden Text ins Englische und achte auf die Grammatik.
Schreibe eine Python-Funktion, die eine Liste nach dem Datum sortiert.
Wie koche ich eine Suppe mit Kartoffeln, Karotten und Zwiebeln?
Fasse den Bericht über die Umsätze im dritten Quartal in fünf Sätzen zusammen.
Was sind die Vorteile und Nachteile einer Wärmepumpe gegenüber einer Gasheizung?
Können Sie mir bitte eine Vorlage für eine Kündigung der Wohnung erstellen?
Die Besprechung ist am Dienstag um zehn Uhr im großen Saal, bitte alle Unterlagen mitbringen.
Der Server antwortet mit einer Fehlermeldung, sobald die Datenbank überlastet ist.
Guten Tag, ich möchte meine Bestellung stornieren und mein Geld zurück.
Vielen Dank für die schnelle Hilfe und einen schönen Tag noch!
Gib mir eine Liste mit zehn Ideen für ein Geschenk zum Geburtstag meiner Mutter.
Der Vertrag endet am Ende des Monats, die Frist für die Kündigung beträgt drei Monate.
Ist die Versicherung verpflichtet, den Schaden am Auto zu bezahlen?
Erstelle eine Tabelle mit den Spalten Name, Datum, Betrag und Status.
Meine Adresse hat sich geändert, die neue Anschrift teile ich Ihnen gerne mit.
Warum ist der Himmel am Tag blau und am Abend rot?
Bitte prüfe den Quelltext auf Fehler und schlage Verbesserungen vor.
Formuliere eine höfliche Absage auf eine Bewerbung als Ingenieur.
Das Unternehmen plant eine neue Strategie für den Vertrieb und das Marketing.
Im Anhang finden Sie die Rechnung, den Lieferschein und die Bedienungsanleitung.
Telefon, Adresse und Geburtsdatum stehen im Formular auf der zweiten Seite.
Nenne mir die wichtigsten Ereignisse der Geschichte des Römischen Reiches.
Das Kind hat Fieber und Husten, welche Medikamente helfen?
Bitte beachten Sie die Hinweise zum Datenschutz und zur Sicherheit.
"""
_EN: Final = """
Please write an email to {PER} about last month's invoice.
My name is {PER} and I work for {ORG} in {LOC}.
{PER} called the office yesterday and asked for a call back.
Can you book a meeting with {PER} and {PER} in {LOC} on Monday?
The customer {PER} from {ORG} complains about the delivery.
Hi {PER}, as discussed I am sending you the file.
Summarise the conversation between {PER} and {PER}.
What is the weather like in {LOC} today?
{ORG} opened a new office in {LOC} last year.
Patient {PER} presents with chest pain and dizziness.
Draft a reference letter for {PER}, who is applying at {ORG}.
i am {PER} and i live in {LOC}
tell {PER} that the contract with {ORG} is signed
Best regards,\n{PER}
{PER} met {PER} at the {ORG} headquarters.
Forward the report to {PER}; she moved to {LOC} in May.
I have a question about my invoice, can you help me please?
Explain the difference between stocks and bonds in simple words.
Write a Python function that sorts a list of dates.
Translate the following text into German and check the grammar.
What documents do I need to apply for a passport?
The server returns an error as soon as the database is overloaded.
Create a table with the columns Name, Date, Amount and Status.
Hello, I would like to cancel my order and get a refund.
Thank you for your quick help and have a nice day!
The meeting is on Tuesday at ten in Room 5, please bring the Q3 report.
May I ask how long the delivery will take? Will it arrive before Friday?
Review this Pull Request and suggest improvements to the API.
Use JSON, YAML or CSV; the HTTP header must contain Content-Type.
Give me ten ideas for a birthday present for my mother.
Chapter 3: Results and Discussion. Figure 2 shows the distribution.
You are a helpful assistant. Answer briefly and cite the source.
Why is the sky blue during the day and red in the evening?
"""
_FR: Final = """
Écris un e-mail à {PER} au sujet de la facture du mois dernier.
Je m'appelle {PER} et je travaille chez {ORG} à {LOC}.
Madame {PER}, merci pour votre demande concernant le contrat.
Monsieur {PER}, veuillez trouver ci-joint le devis.
{PER} a appelé hier au bureau et demande à être rappelé.
Peux-tu organiser un rendez-vous avec {PER} à {LOC} lundi ?
Le client {PER} de {ORG} se plaint de la livraison.
Bonjour {PER}, comme convenu je t'envoie le fichier.
Résume la conversation entre {PER} et {PER}.
Quel temps fait-il aujourd'hui à {LOC} ?
La société {ORG} a ouvert un bureau à {LOC}.
Le patient {PER} se plaint de douleurs et de vertiges.
{PER} habite à {LOC} depuis trois ans.
Cordialement,\n{PER}
J'ai une question sur ma facture, pouvez-vous m'aider s'il vous plaît ?
Explique-moi la différence entre les actions et les obligations.
Écris une fonction Python qui trie une liste de dates.
Traduis le texte suivant en anglais et vérifie la grammaire.
Quels documents faut-il pour demander un passeport ?
Bonjour, je voudrais annuler ma commande et être remboursé.
Merci beaucoup pour votre aide et bonne journée !
Crée un tableau avec les colonnes Nom, Date, Montant et Statut.
La réunion aura lieu mardi à dix heures dans la grande salle.
Donne-moi dix idées de cadeau pour l'anniversaire de ma mère.
Le serveur renvoie une erreur dès que la base de données est surchargée.
Pourquoi le ciel est-il bleu le jour et rouge le soir ?
Résumez le rapport sur les ventes du troisième trimestre en cinq phrases.
Quels sont les avantages et les inconvénients du télétravail ?
"""
_CODE: Final = """\
import json\nfor row in rows:\n    total += row.price * Decimal(2)\nprint(total)
SELECT name, city FROM customers WHERE id = 5 ORDER BY created_at DESC;
kubectl get pods -n production\ndocker run --rm -it ubuntu:22.04 bash
Traceback (most recent call last):\n  File "main.py", line 3, in <module>\nValueError: invalid literal
public static void main(String[] args) {\n  HttpClient client = new HttpClient();\n}
const app = express();\napp.get('/users', async (req, res) => res.json(await User.findAll()));
def area(radius: float) -> float:\n    return math.pi * radius**2
class Invoice(BaseModel):\n    total: Decimal\n    customer: Customer | None = None
git commit -m "Fix race in scheduler" && git push origin main
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id));
#include <stdio.h>\nint main(void) { printf("Hello World"); return 0; }
npm install react react-dom && npm run build
fn main() { let xs: Vec<i32> = Vec::new(); println!("{:?}", xs); }
if err != nil { return fmt.Errorf("open file: %w", err) }
{"id": 5, "title": "Report", "createdAt": "2024-05-01", "tags": ["draft"]}
<div class="container"><h1>Welcome</h1><p>Please log in</p></div>
ERROR 2024-05-01 10:00:00 Connection refused: Timeout after 30 seconds
- [ ] Update README\n- [x] Add tests for Parser
pip install numpy pandas && python train.py --epochs 10
Ask the Team to review. Use Figure 1 and Table 2. See Section 3.
Who wrote this? What is it? When does it start? Where is the key? Which one? Why not? How much?
The cat sat on the mat. This is fine. These are new. Those were old. There is one. They know. We go. You see.
Translate: The weather is nice. Compare both. Describe it. List all. Write a poem. Give an example. Create a plan.
"""
_SETS: Final = {"de": _DE, "en": _EN, "fr": _FR, "code": _CODE}


def filled_sentences(
    surfaces: dict[str, list[str]], generator: random.Random, count: int
) -> Iterator[dict[str, Any]]:
    """``count`` rows of one to three sentences of one language, some in lower case."""
    sentences = {
        lang: [line.replace("\\n", "\n") for line in text.strip().splitlines()]
        for lang, text in _SETS.items()
    }
    names = {
        kind: [value for value in values if len(value) < 40 and value[:1].isupper()]
        for kind, values in surfaces.items()
    }
    for _ in range(count):
        lang = generator.choice(["de", "de", "en", "en", "fr", "code"])
        lower = generator.random() < 0.08
        text, spans = "", list[dict[str, Any]]()
        for _ in range(generator.randint(1, 3)):
            text = _fill(text, generator.choice(sentences[lang]), spans, names, generator) + " "
        yield {"text": text.lower() if lower else text, "spans": spans, "lang": lang}


def _fill(
    text: str,
    sentence: str,
    spans: list[dict[str, Any]],
    names: dict[str, list[str]],
    generator: random.Random,
) -> str:
    while match := _SLOT.search(sentence):
        text += sentence[: match.start()]
        label, sentence = match[1], sentence[match.end() :]
        value = generator.choice(names[_PLACES[label]])
        spans.append({"start": len(text), "end": len(text) + len(value), "label": label})
        text += value
    return text + sentence
