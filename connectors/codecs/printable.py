"""Text that can command neither a terminal nor a protocol."""

import unicodedata


def printable(text: str) -> str:
    """Without control characters and broken Unicode; each becomes a replacement character."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _commands(sign) else sign for sign in text)


def _commands(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")
