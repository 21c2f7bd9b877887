"""The report as one HTML page without scripts; it loads nothing from anywhere."""

from collections.abc import Sequence
from html import escape

from twin.service.report.document import Block, Document, Figure, Heading, Table, Text

STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "td,th{padding:.2rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid #d5dbe1;"
    "white-space:pre-line}main{overflow-x:auto}tbody th{font-weight:normal;color:#55606c;width:14rem}"
    "figure{margin:.8rem 0;break-inside:avoid}svg{width:100%;height:auto}code{overflow-wrap:anywhere}"
    "tr{break-inside:avoid}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(document: Document) -> bytes:
    """The document as UTF-8 HTML."""
    title = escape(document.title)
    body = "".join(_block(block) for block in document.blocks)
    return (
        f'<!doctype html><html lang="{document.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}"
        f"<h2>{escape(document.hash_name)}</h2><p>{escape(document.hash_text)}</p>"
        f"<p><code>{document.sha256()}</code></p></main></body></html>\n"
    ).encode()


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"<h2>{escape(block.heading)}</h2>"
        case Text():
            return f"<p>{escape(block.text)}</p>"
        case Figure():
            return f"<figure><figcaption>{escape(block.caption)}</figcaption>{block.svg}</figure>"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.heads)
    rows = "".join(f"<tr>{_cells(row, not table.heads)}</tr>" for row in table.rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{rows}</tbody></table>"


def _cells(row: Sequence[str], named: bool) -> str:
    first = f'<th scope="row">{escape(row[0])}</th>' if named else f"<td>{escape(row[0])}</td>"
    return first + "".join(f"<td>{escape(text)}</td>" for text in row[1:])
