"""Words that name a number which is nobody's: an order's, an invoice's, a build's, a row's.

A telephone number or a card that is known by the form of its digits alone is not one right behind
such a word. It knows words and what may stand between; whether a form is sure enough to stand all
the same, the rules decide.
"""

# Words, as many as fit a line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.base import BETWEEN

_EN: Final = (
    r"orders?|invoices?|receipt|quote|quotation|purchase order|po|build|ticket|issue|case|incident|bug|ref(?:erence)?|article|item|product|part|serial|lot|batch|"
    r"model|sku|ean|upc|gtin|isbn|issn|asin|doi|barcode|tracking|shipment|parcel|package|waybill|awb|consignment|pnr|voucher|coupon|"
    r"transaction|txn|trace|span|request|session|correlation|event|record|row|entry|document|doc|file|version|revision|rev|release|commit|changeset|patch|"
    r"port|pid|process|thread|timestamp|epoch|offset|size|length|count|total|checksum|crc|seed|register|asset|inventory|catalog(?:ue)?|"
    r"(?:[a-z]{1,12}[_-])?id|(?-i:[a-z]{2,15}I[dD])|uuid|guid|imei|(?:order|invoice|ticket|case|part|item|build|tracking)_(?:id|no|nr|number)"
)
_DE: Final = (
    r"(?:(?:artikel|bestell|auftrags?|rechnungs?|vorgangs?|sendungs?|serien|kunden|vertrags?|mitglieds?|akten|beleg|lieferschein|lieferungs?|chargen|los|teile|ersatzteil|modell|typen|"
    r"geräte|versions?|referenz|transaktions?|buchungs?|reservierungs?|ticket|fall|prozess|lager|inventar|material|produkt|paket|tracking|identifikations|quittungs?|gutschein|angebots?)"
    r"[- ]?(?:nummern?|nr\.?|no\.?|code|zeichen|id))|bestellung|auftrag|rechnung|vorgang|sendung|lieferung|lieferschein|artikel|beleg|charge|aktenzeichen|quittung|paket|zeile|datensatz"
)
_ROMANCE: Final = (
    r"commande|facture|colis|dossier|devis|bon de commande|suivi|lot|série|référence|réf|produit|pièce|reçu|ligne|"
    r"pedido|factura|albarán|artículo|envío|expediente|ordine|fattura|pratica|spedizione|articolo|encomenda|fatura|bestelling|factuur|zamówienie|zamówienia|faktura|faktury|paczka"
)
_ZH: Final = r"(?:订单|单据|快递|运单|发票|工单|流水|编|单|序列|批次|批|货|商品|产品|型|案件|合同|交易|凭证|票|物流|版本|档案)号码?|订单|编码|发票|条码|条形码|快递|版本|端口|流水"
# What joins such a word to its number.
_JOIN: Final = r"(?:[ \t:：=＝#.()（\[\"'’`“„«»|/_-]{0,3}(?:(?:no|nr|n°|nº|number|num|nummer|numéro|número|numero|code|id|is|was|ist|war|lautet|est|es|è|是|为|号|号码)(?![^\W_])|[ \t:：=#°.\"'«“(\[|-])){0,4}"
_BEHIND: Final = r"[ ]?(?:rows?|records?|entries|bytes|ms|msec|seconds|units|pieces|hits|errors|tokens|requests|(?:mega|kilo|giga)?bytes|Stück|Zeilen|Datensätze|lignes|octets|条记录|行)\b"
_OTHER: Final = (
    rf"(?:(?<![^\W_])(?:{_EN}|{_DE}|{_ROMANCE})|(?:{_ZH})){_JOIN}{BETWEEN}(?!\()|{BETWEEN}{_BEHIND}"
)


def other_number(own: str) -> str:
    """For ``Rule.unless``: such a word is next to the number, and none of ``own`` before it."""
    return rf"\A(?=[\s\S]*?(?:{_OTHER}))(?![^{BETWEEN}]*?(?:{own}))"
