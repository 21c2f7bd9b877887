"""Texts of every cause and every piece of evidence: name, cause, consequence, action; en and fr."""

from typing import Final

CAUSES: Final[dict[str, dict[str, dict[str, str]]]] = {}
EVIDENCE: Final[dict[str, dict[str, str]]] = {}
