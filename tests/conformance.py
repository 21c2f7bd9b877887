"""The page of what the service is held to, made from a catalogue of ids and the names of tests.

``make conformance`` writes it; a test holds it true. A test carries an id in its name: ``test_UA_08_...``.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "docs/reference/conformance.yaml"
PAGE = ROOT / "docs/reference/conformance.md"
ID = re.compile(r"(MQ|SPB|UA|UNS|R|D|F|S|AL|HMI|C)_(\d\d)(?=_)")
TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)

HEAD = """# What is tested

Made by `make conformance` from the names of the tests. No body has certified anything here.
"""


def carried() -> dict[str, list[tuple[str, Path]]]:
    """Tests by the ids their names carry."""
    found: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in TEST.findall(path.read_text(encoding="utf-8")):
            for kind, number in ID.findall(name):
                found[f"{kind}-{number}"].append((name, path.relative_to(ROOT)))
    return found


def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Ids by chapter."""
    return yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def page() -> str:
    """The page as it must be."""
    tests, chapters = carried(), catalogue()
    ids = [id for chapter in chapters.values() for id in chapter]
    covered = sum(1 for id in ids if tests.get(id))
    lines = [HEAD, f"{covered} of {len(ids)} ids are carried by a test.", ""]
    for title, chapter in chapters.items():
        lines += [f"## {title}", "", "| id | what | tests | |", "|---|---|---|---|"]
        for id, row in chapter.items():
            files = sorted({path.as_posix() for _, path in tests.get(id, [])})
            shown = ", ".join(f"[{file.rpartition('/')[2]}](../../{file})" for file in files) or "–"
            lines.append(f"| {id} | {row['what']} | {shown} | {row.get('why', '')} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} written\n")
