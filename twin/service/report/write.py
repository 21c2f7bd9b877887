"""`twin report`: the file and its sidecar with the hashes."""

import hashlib
from pathlib import Path

from twin.service.output import whole_file
from twin.service.report.document import Document
from twin.service.report.page import page
from twin.service.report.pdf import pdf

FORMS = {".pdf": pdf, ".html": page}


def sidecar(out: Path) -> Path:
    """Where the hashes of a report lie."""
    return out.with_name(f"{out.name}.sha256")


def write(document: Document, out: Path) -> str:
    """Write the report and, beside it, ``sha256sum --check`` lines; returns the hash of the file."""
    body = FORMS[out.suffix](document)
    found = hashlib.sha256(body).hexdigest()
    with whole_file(out) as sink:
        sink.write(body)
    with whole_file(sidecar(out)) as sink:
        sink.write(f"# content {document.sha256()}\n{found}  {out.name}\n".encode())
    return found
