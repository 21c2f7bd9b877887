"""What links, files and what-if say, in French: every text has its translation, and none is left over."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import serve, tab
from playwright.async_api import expect
from scripted_view import NOW, SECOND, ScriptedView, alarm, link_down

from connectors.historians._influx_server import REMEDIES
from dashboards import pages
from twin.alarms.words import catalogue
from twin.domain.alarm import AlarmState
from twin.ports import LinkChange, LinkState
from twin.runtime.links import LinkEvents

ROOT = Path(__file__).resolve().parents[2]
WRITERS = [
    *sorted((ROOT / "connectors/sources").glob("*.py")),
    ROOT / "connectors/codecs/sparkplug_host.py",
    ROOT / "connectors/codecs/certificates.py",
    ROOT / "connectors/codecs/opcua_units.py",
    ROOT / "connectors/codecs/opcua_words.py",
    ROOT / "connectors/sqlite_file.py",
    ROOT / "connectors/publishers/uns.py",
    *sorted((ROOT / "connectors/historians").glob("*.py")),
    ROOT / "twin/runtime/hold.py",
    ROOT / "twin/runtime/writeback.py",
    ROOT / "twin/runtime/accounting.py",
    ROOT / "twin/service/play/desk.py",
    ROOT / "twin/engine/whatif.py",
    ROOT / "twin/service/silence.py",
    ROOT / "twin/service/view.py",
    ROOT / "twin/service/play/recording.py",
    ROOT / "twin/service/play/view.py",
    ROOT / "connectors/codecs/tables.py",
    ROOT / "dashboards/asked.py",
]
RETURNING = ("_mqtt_words.py",)
"""Writers whose functions return nothing but texts of links."""
REASON = re.compile("`([a-z_]+)`")
SAYING = ("_link", "Down", "LinkChange", "_tell", "_say", "end")
"""What a link's text is given to."""
FAILING = ("ConnectorError", "ServerAwayError", "StorageError", "ConnectionError")
"""What is raised while a link is used: its words become those of the link that is down."""
TELLING = {
    "whatif.py": ("InputError",),
    "silence.py": ("NotFoundError",),
    "recording.py": ("InputError",),
    "files.py": ("ConfigError",),
    "tables.py": ("ConfigError",),
}
"""What is raised by writers whose every refusal is read on a page."""
FOREIGN = {"{}: {}", "{}", "{} ({})", "ca_file {} ({})", "password_file {} ({})"}
"""The words of an operating system or of a library, with a key or file they are of."""
AT_START = (
    "{}: already being written by process",
    "{}: can not be created or written",
    "{}: has schema version",
    "{}: is not there; nothing was stored yet",
)
"""Faults that end a command or a start on the terminal: no link says them."""


def shape(node: ast.expr) -> str | None:
    """A text as it is written, with `{}` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(shape(part) or "{}" for part in node.values).replace("{}:{}", "{}")
    return None


def written() -> tuple[set[str], set[str]]:
    """Every text in the writers, and those that are given to a link as they stand."""
    every, said = set[str](), set[str]()
    for path in WRITERS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            every |= {text for text in [shape(node)] if text} if isinstance(node, ast.expr) else set()
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if name in (*SAYING, *FAILING, *TELLING.get(path.name, ())):
                    said |= {text for part in node.args if (text := shape(part)) and " " in text}
            if isinstance(node, ast.Return) and node.value and path.name in RETURNING:
                said |= {text for text in [shape(node.value)] if text and " " in text}
    return every, said


def templates(language: str) -> dict[str, str]:
    words = json.loads((pages.BUILT.parent / f"web/src/text/{language}.json").read_text("utf-8"))
    return {key: text for key, text in words.items() if key.startswith("said.")}


def patterns() -> Iterator[str]:
    for text in templates("en").values():
        yield re.sub(r"\{\w\}", "{}", text)


def test_every_text_of_a_link_is_translated_and_none_is_left_over() -> None:
    every, said = written()
    known = set(patterns())
    of_links = {text for text in said if not text.startswith(AT_START)}
    assert of_links - known - FOREIGN == set(), "add them under said. in en.json and fr.json"
    assert set(REMEDIES.values()) <= known
    loose = [text for text in known if not text.startswith("{}; ")]
    stale = [text for text in loose if not any(text in each for each in every)]
    assert stale == [], "nobody writes these any more"
    assert len(said & known) > 30


def test_both_languages_fill_in_the_same() -> None:
    en, fr = templates("en"), templates("fr")
    for key, text in en.items():
        assert sorted(re.findall(r"\{\w\}", text)) == sorted(re.findall(r"\{\w\}", fr[key])), key


def test_every_reason_of_a_refusal_has_words_in_both_languages() -> None:
    page = (ROOT / "docs/reference/refusals.md").read_text("utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    reasons = {name for row in rows for name in REASON.findall(row)}
    for language in ("en", "fr"):
        assert reasons == {key[8:] for key in catalogue(language) if key.startswith("refusal.")}


NO_COLUMN = "in/l.csv: no column 'pH'; the file has 'time', 'pO2'"


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_a_link_speaks_french_on_the_diagnostics_page_and_its_card(browser, monkeypatch) -> None:
    view = ScriptedView()
    links = [
        ("mqtt-1", True, "connected to the broker at 10.0.0.7:1883"),
        ("mqtt-2", False, "nothing answers at 10.0.0.8:1883; check that the broker runs"),
        (
            "ua-1",
            True,
            "connected to opc.tcp://a:4840: 3 of 4 nodes; refused: R1.pH (BadNodeIdUnknown); "
            "not believed: the server gives R1.pO2 in 'mbar', the line file expects '%'",
        ),
        ("ua-2", False, "connection to opc.tcp://b:4840 lost: ConnectionError transport lost"),
        ("store", False, "http://db:8086: HTTP 503: busy. Rows are kept and sent later."),
        (
            "drop",
            True,
            "l.csv: 9 values read, 7 of them refused, why stands in 'l.csv.refused.txt'; it lies in 'done'; "
            "files in 'refused': 2, last: b.csv",
        ),
        ("files", True, f"l.csv can not be read and lies in 'refused': {NO_COLUMN}"),
        ("x", False, "Zertifikat abgelaufen"),
    ]
    rows = [LinkState(name, up, text, NOW, 1, 0, None) for name, up, text in links]
    monkeypatch.setattr(view, "links", lambda: rows)
    view.raise_alarm(alarm(link_down("mqtt-2")))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang=fr")
        for text in (
            "connecté au broker 10.0.0.7:1883",
            "rien ne répond à 10.0.0.8:1883 ; vérifier que le broker tourne",
            "connecté à opc.tcp://a:4840 : 3 nœuds sur 4 ; refusés : R1.pH (BadNodeIdUnknown)"
            " ; non crus : le serveur donne R1.pO2 en 'mbar', le fichier de ligne attend '%'",
            "connexion à opc.tcp://b:4840 perdue : ConnectionError transport lost",
            "http://db:8086 : HTTP 503 : busy. Les lignes sont gardées et envoyées plus tard.",
            "l.csv : 9 valeurs lues, dont 7 refusées, la raison est dans « l.csv.refused.txt » ; "
            "il se trouve dans « done » ; fichiers dans « refused » : 2, le dernier : b.csv",
            "l.csv ne peut pas être lu et se trouve dans « refused » : in/l.csv : pas de colonne 'pH' ; "
            "le fichier a 'time', 'pO2'",
            "Zertifikat abgelaufen",
        ):
            await expect(page.locator("main")).to_contain_text(text)
        await page.get_by_role("button", name="EN", exact=True).click()
        await expect(page.locator("main")).to_contain_text("nothing answers at 10.0.0.8:1883")


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_a_link_that_is_back_does_not_say_that_it_is_down(browser) -> None:
    events = LinkEvents()
    (down,) = events.events(LinkChange("lab-mqtt", False, "nothing answers", NOW - 600 * SECOND))
    (back,) = events.events(LinkChange("lab-mqtt", True, "connected to the broker at b:1883", NOW))
    assert back.since == down.since == NOW - 600 * SECOND
    view = ScriptedView(texts={name: catalogue(name) for name in ("en", "fr")})
    view.log += [down, back]
    view.raise_alarm(alarm(back, state=AlarmState.RTN_UNACK))
    for language, title, gone in (
        ("en", "Link is up again", "does not answer"),
        ("fr", "Liaison rétablie", "ne répond pas"),
    ):
        async with serve(view) as port, tab(browser) as page:
            await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang={language}")
            card = page.locator("article.card")
            await expect(card).to_contain_text(title)
            await expect(card).not_to_contain_text(gone)


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="module")
async def test_on_a_phone_the_tables_of_the_diagnostics_are_whole(browser) -> None:
    view = ScriptedView()
    async with serve(view) as port, tab(browser, viewport={"width": 390, "height": 844}) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang=fr")
        cells = page.locator("table.stacks tbody td:not(:empty)")
        await expect(cells.first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        for cell in await cells.all():
            box = await cell.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        named = await cells.first.evaluate("e => getComputedStyle(e, '::before').content")
        assert named == '"État"'
