"""The report as PDF/A-2b, set by typst from ``template.typ``.

typst lays out tables over pages, embeds its own fonts and writes PDF/A; the template gets the
document as data, so no text of it is ever read as markup. Fonts of the machine are not used and the
time is that of the data: the same document gives the same bytes with the same version of typst.
"""

from importlib.resources import files
from typing import Final

from twin.domain.errors import ConfigError
from twin.service.report.document import Document

LETTERS: Final = 0x530
"""First code point after Latin, Greek and Cyrillic; the embedded fonts have what lies below."""
SIGNS: Final = frozenset("–—‘’“”…•→≥≤±−·₀₁₂₃₄₅₆₇₈₉⁰⁴⁵⁶⁷⁸⁹€‰∞≈\u202f\u2009")
"""Signs above these that they have too."""


def pdf(document: Document) -> bytes:
    """The document as PDF/A-2b.

    Raises
    ------
    ConfigError
        typst is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise ConfigError(
            "report: a PDF needs the package typst, which is not installed; "
            "pip install 'bioline-twin[report]' (in a checkout: pip install -e '.[report]'), "
            "or --out with a name that ends in .html"
        ) from error
    template = (files(__package__) / "template.typ").read_bytes()
    data = {"document": printable(document.data().decode()), "sha256": document.sha256()}
    compiler = typst.Compiler(template, ignore_system_fonts=True, sys_inputs=data)
    made = compiler.compile(format="pdf", pdf_standards=["a-2b"], timestamp=document.made_s)
    assert isinstance(made, bytes)
    return made


def printable(text: str) -> str:
    """A text in which every sign that the embedded fonts lack is written as its code."""
    return "".join(c if ord(c) < LETTERS or c in SIGNS else f"[U+{ord(c):04X}]" for c in text)
