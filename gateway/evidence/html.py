"""An evidence pack as one HTML file: no script, nothing loaded from elsewhere."""

from html import escape

from gateway.evidence.document import Cell, Document, Section

_STYLE = """
body { font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif; color: #1b2430; margin: 2.5rem auto;
  max-width: 72rem; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; margin: 0; } .sub { color: #56616f; margin: .2rem 0 1.4rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; border-top: 2px solid #1b2430; padding-top: .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }
dt { color: #56616f; } dd { margin: 0; font-weight: 600; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th { text-align: left; color: #56616f; font-weight: 600; border-bottom: 1px solid #9aa4b1; }
th, td { padding: .35rem .8rem .35rem 0; vertical-align: top; overflow-wrap: anywhere; }
td { border-bottom: 1px solid #e3e7ec; } td p { margin: 0 0 .25rem; }
.none, .note, footer { color: #56616f; } footer { margin-top: 2.5rem; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def render_html(page: Document) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in page.facts)
    sections = "".join(map(_section, page.sections))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(page.title)}</h1><p class="sub">{escape(page.subtitle)}</p>'
        f"<dl>{facts}</dl>{sections}<footer>{escape(page.footer)}</footer></body></html>\n"
    )


def _section(section: Section) -> str:
    title = f"<h2>{escape(section.title)}</h2>"
    if not section.rows:
        return f'{title}<p class="none">{escape(section.empty)}</p>'
    total = sum(section.weights)
    columns = "".join(
        f'<col style="width:{weight * 100 / total:.1f}%">' for weight in section.weights
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in section.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in section.rows
    )
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    return (
        f"{title}<table><colgroup>{columns}</colgroup><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{note}"
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    return "".join(f"<p>{escape(line)}</p>" for line in cell)
