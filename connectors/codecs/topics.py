"""Topic templates such as ``plant/{vessel}/{head}``: one field a level."""

import re
from typing import Final

_FIELD: Final = re.compile(r"\{([a-z_]+)\}")


class TopicTemplate:
    """A topic with named levels.

    Parameters
    ----------
    text : str
        Levels divided by ``/``; a level is either fixed text or one ``{field}``.

    Raises
    ------
    ValueError
        When a level mixes text and field, a field comes twice, or a wildcard is written.
    """

    def __init__(self, text: str) -> None:
        if not text or text.startswith("/") or any(sign in text for sign in "+#\0"):
            raise ValueError(
                f"topic template {text!r}: write levels such as plant/{{vessel}}/{{head}}, no wildcards"
            )
        self.text = text
        self._levels = tuple(self._level(level) for level in text.split("/"))
        fields = [name for name, _ in self._levels if name]
        if len(fields) != len(set(fields)):
            raise ValueError(f"topic template {text!r}: a field comes twice")
        self.fields = frozenset(fields)

    @staticmethod
    def _level(level: str) -> tuple[str, str]:
        match = _FIELD.fullmatch(level)
        if match is None and ("{" in level or "}" in level):
            raise ValueError(f"topic level {level!r}: write either text or one {{field}}")
        return (match[1], "") if match else ("", level)

    @property
    def filter(self) -> str:
        """Subscription that covers every topic of the template."""
        return "/".join("+" if name else text for name, text in self._levels)

    def match(self, topic: str) -> dict[str, str] | None:
        """Fields of a topic, or None when it is not of this template or a field is empty."""
        parts = topic.split("/")
        if len(parts) != len(self._levels):
            return None
        fields = {}
        for (name, text), part in zip(self._levels, parts, strict=True):
            if name and part:
                fields[name] = part
            elif name or part != text:
                return None
        return fields

    def fill(self, **fields: str) -> str:
        """Topic with these fields."""
        return "/".join(fields[name] if name else text for name, text in self._levels)
