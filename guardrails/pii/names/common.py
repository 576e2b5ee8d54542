"""Words that are no names however they are written; a single one of them is hardly a finding."""

from typing import Final

_TEXT: Final = """
the a an this that these those there here it he she we you they i who what which when where why
how whose whom if is are was were be do does did can could will would shall should may might
must please thanks thank hello hi dear yes no not and or but so then also just only all any some
each every both ask tell give show write read send call create make list find use compare
describe explain translate summarise summarize review draft plan check fix add remove update
open close run start stop select from insert delete import export return print total true false
none null error warning info note todo team report invoice order customer user name date file
table figure section chapter page version test monday tuesday wednesday thursday friday saturday
sunday january february march april june july august september october november december today
tomorrow yesterday der die das den dem des ein eine einen einem einer ich du er sie es wir ihr
mein meine dein sein ihre unser wer was wie wo wann warum welche welcher welches ist sind war
waren bitte danke hallo guten ja nein nicht und oder aber auch nur alle jeder kein keine kann
können soll wird werden haben hat schreibe erstelle erkläre fasse gib nenne zeige übersetze
prüfe formuliere team montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar
damen herren
märz mai juni juli oktober dezember heute morgen gestern rechnung vertrag kunde le la les un une
des du ce cette ces je tu il elle nous vous ils elles mon ma mes son sa ses qui que quoi quel
quelle quels quelles quand où comment pourquoi est sont était merci bonjour oui non et ou mais
aussi tout tous écris explique traduis résume crée donne fais lundi mardi mercredi jeudi
vendredi samedi dimanche janvier février mars avril juin juillet août septembre octobre novembre
décembre
"""
_TOOLS: Final = """
AI, API, APIs, Python, JavaScript, TypeScript, Java, Kotlin, Swift, Rust, Go, Golang, C++, C#,
PHP, Ruby, Perl, Scala, Haskell, Julia, MATLAB, R, SQL, NoSQL, HTML, CSS, XML, JSON, YAML, CSV,
PDF, Excel, Word, PowerPoint, Outlook, Linux, Ubuntu, Debian, Unix, Windows, macOS, Android,
iOS, Docker, Kubernetes, Terraform, Ansible, Jenkins, Git, React, Angular, Vue, Svelte, Django,
Flask, FastAPI, Spring, Rails, Node.js, Express, Next.js, jQuery, Bootstrap, Tailwind, Redis,
Kafka, Spark, Hadoop, PostgreSQL, Postgres, MySQL, SQLite, MongoDB, Elasticsearch, GraphQL,
REST, gRPC, HTTP, HTTPS, TCP, IP, DNS, SSH, SSL, TLS, VPN, URL, USB, CPU, GPU, RAM, SSD, HDD,
LLM, LLMs, GPT, ChatGPT, BERT, PyTorch, TensorFlow, Keras, NumPy, Pandas, Jupyter, Bash,
PowerShell, Vim, Emacs, VS Code, Bitcoin, Ethereum, Blockchain, OAuth, JWT, SSO, SaaS, CRM, ERP,
SEO, KPI, ROI, FAQ, PhD, MBA, GDPR, DSGVO, HIPAA, CEO, CFO, CTO, HR, IT, PR, QA, UI, UX, DIY,
TV, DVD, DNA, RNA, HIV, COVID-19, Renaissance, Internet, Wi-Fi, Bluetooth, Christmas, Easter,
Halloween, Thanksgiving, Ramadan, Weihnachten, Ostern, Noël, Pâques, RAG, CI/CD, DevOps, Agile,
Scrum, Kanban, Markdown, LaTeX, Regex, Unicode, ASCII, UTF-8, Base64, SHA-256, AES, RSA, XOR,
HMAC, HKDF, URI, UUID, CI, GC, NLP, LSTM, FHIR, RAII, CO2, Safari, Chrome, Firefox, Edge,
Heroku, ESLint, Citrix, Starlette, Pydantic, Celery, Nginx, Apache, Prometheus, Grafana, Helm,
Webpack, Vite, Babel, npm, pip, conda, Lambda, S3, EC2, SDK, CLI, IDE, ORM, DOM, MVC, OOP, CRUD,
ETL, OLAP, IoT, AR, VR, ML, DL, CNN, RNN, GAN, SVM, PCA, EU-DSGVO, MwSt, PDF/A
"""
_FORMS: Final = """
verify check confirm update review reset refund cancel schedule book ship deliver package parcel
pages reference record records field fields form status open closed pending item items article
amount total subtotal balance number numbers label value key id type code hello hey regards
sincerely cheers greetings welcome sorry okay ok yeah yep nope lol lmao omg omfg wtf smh idk tbh
btw fyi asap bro bruh dude nah ya bet vorgang bestellung rechnung auftrag artikel paket zeile
seite feld eintrag wert betrag summe preis grüße gruß viele liebe beste freundlichen mfg siehe
prüfen bestätigen stimmt wurde können sie zu voir vérifier vérifiez merci de commande facture
colis ligne montant prix cordialement bonjour bonsoir salut dossier numéro client cliente a été
donné noté jeton identifiant champ valeur médical médicale carte nationale deploy sehr geehrte
geehrter damen herren gruss hej hei hallå moin servus merhaba buenos buenas días tardes noches
estimado estimada gentile egregio szanowni szanowny geachte groetjes groeten vriendelijke
saludos saluti pozdrawiam kiitos tack mange děkuji dobrý teşekkürler olá el los las un mi con
sin por del en es he que les no como i pani van is was had dat o os ti ci od pod dan av ile nos
"""
_UNTAUGHT: Final = """
una unos unas mis sus nuestro para al está están fue hay lo sí muy más pero cuando donde hola
gracias favor señor señora número numero teléfono telefono correo dirección cuenta pedido
factura afiliación extranjero seguridad social sociedad empresa llamó llama llamar ayer hoy
mañana dijo pidió envió pagó recibió escribió lunes martes miércoles jueves viernes sábado enero
febrero mayo junio agosto septiembre octubre noviembre diciembre il gli uno mio mia suo sua
nostro senza tra fra di da della dello dei delle nel nella è sono hanno era erano che come
quando dove ciao grazie prego buongiorno buonasera salve signor signora indirizzo conto ordine
fattura ha chiamato chiamata detto scritto inviato pagato ricevuto ieri oggi domani identità
lunedì martedì mercoledì giovedì venerdì gennaio febbraio aprile maggio giugno luglio settembre
ottobre dicembre mój moja moje mojego jego jej nasz nasza jest są był była było mają nie tak ale
jak kiedy gdzie proszę dziękuję dzień dobry cześć numer numeru telefon adres konto zamówienie
faktura klient klienta dzwonił dzwoniła wczoraj dziś dzisiaj jutro powiedział napisał wysłał
zapłacił dowód dowodu osobisty poniedziałek wtorek środa czwartek piątek sobota niedziela het
een mijn jouw zijn haar ons onze met zonder voor naar bij op uit waren heeft hebben wie hoe
wanneer waar hallo goedemorgen goedemiddag dank bedankt alstublieft meneer mevrouw nummer
telefoon rekening bestelling factuur klant belde gebeld gisteren vandaag morgen zei schreef
stuurde betaalde maandag dinsdag woensdag donderdag vrijdag zaterdag zondag um uma meu minha seu
com sem não sim obrigado obrigada boa tarde ligou ontem hoje amanhã kimlik verifique verificar
necesito ayuda adjunto formulario antes después desde hasta entre sobre tiene tengo puede quiero
usted ustedes ella ellos esta este esto estos ese esa eso cual cuál porque también aquí ahora
siempre nada todo todos enviado pagado registrado sulla questo questa questi quello anche ancora
stata stato stati pagata registrata scaduta rilasciata comune verificare controllare vorrei
posso può codice documento została zostało został opłacona opłacony sprawdzić potrzebuję pomoc
pomocy mam moim ich oraz lub przez dla przy po za nad już jeszcze tylko może mogę chcę można
państwo nieaktywny zgubiony uw kunt graag niet wel ook nog maar deze dit ik jij wij zij hij
wordt worden werd heer verlopen verzonden controleren jag och att det som är på inte för hon
mitt ditt har hade mycket jeg ikke og også meg dig hvad hvor olen minun ei että mutta
henkilötunnukseni ovat já můj jsem jste prosím číslo rodné není bylo benim bir için bu şu değil
numaram lütfen são pela pelo num aos você vocês pode preciso
"""
TECHNOLOGY: Final = tuple(each.strip() for each in _TOOLS.replace("\n", " ").split(","))
"""What people write to a model about with a capital: languages, tools, abbreviations, feasts."""
COMMON: Final = frozenset([*_TEXT.split(), *(each.lower() for each in TECHNOLOGY)])
UNTAUGHT: Final = frozenset(_UNTAUGHT.split())
"""Lower-case words of languages in Latin script that the tagger was not taught."""
EVERYDAY: Final = frozenset(_FORMS.split()) | UNTAUGHT
"""Words of forms, messages and greetings, in many languages."""
