"""What the pages say of alarms: which come first, what they are about, where they are dealt with."""

import re
from dataclasses import replace

import pytest
from browsing import serve, tab
from playwright.async_api import expect
from scripted_view import (
    HOUR,
    NOW,
    SECOND,
    ScriptedView,
    alarm,
    drift,
    link_down,
    lost,
    lost_together,
    people,
)

from twin.alarms.words import catalogue
from twin.domain.alarm import AlarmState, Move, Priority
from twin.domain.event import Kind, Stage
from twin.domain.people import Actor, Person, Role
from twin.ports import LinkState

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
def view() -> ScriptedView:
    return ScriptedView()


def crowd(view: ScriptedView) -> None:
    """Forty newer alarms of low priority over an older critical one that is acknowledged."""
    limit = replace(lost("pCO2", 7200), condition="R101.pCO2/limit/1")
    view.raise_alarm(alarm(limit, Priority.CRITICAL, AlarmState.ACKED))
    view.raise_alarm(alarm(lost("pO2", 3600), Priority.HIGH, AlarmState.ACKED))
    view.raise_alarm(alarm(lost("pressure", 5000), Priority.HIGH))
    view.raise_alarm(alarm(lost("stirrer", 4000), Priority.HIGH, AlarmState.RTN_UNACK))
    for i in range(40):
        event = replace(lost("weight", 100 + i), condition=f"R101.weight{i}/lost/1")
        view.raise_alarm(alarm(event, Priority.LOW))


async def test_the_worst_comes_first_however_many_lesser_ones_are_newer(browser, view):
    crowd(view)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        rows = page.locator(".alarms li")
        for i, tag in enumerate(("R101.pCO2", "R101.stirrer", "R101.pressure", "R101.pO2", "R101.weight")):
            await expect(rows.nth(i)).to_contain_text(tag)
        await expect(page.locator(".alarms")).to_contain_text("and 34 more")
        await expect(page.locator(".vessel .worst .mark.critical")).to_have_count(1)
        await expect(page.locator(".vessel .worst")).to_contain_text("+43")


async def test_the_strip_shows_the_worst_on_top_and_what_is_over_as_bad_as_it_was(browser, view):
    over = replace(lost("pH", 3 * 3600), detail={})
    view.log += [over, replace(over, stage=Stage.CLOSED, t=NOW - 2 * HOUR)]
    view.raise_alarm(alarm(lost("pCO2", 3600), Priority.CRITICAL))
    view.raise_alarm(alarm(replace(lost("weight", 60), since=NOW - 7 * HOUR), Priority.LOW))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        track = page.locator(".strip .track").first
        await expect(track.locator(".span")).to_have_count(3)
        looks = await track.locator(".span").evaluate_all("all => all.map((each) => each.className)")
        assert looks == ["span low", "span medium past", "span critical"]
        top = """(track) => [0.4, 0.7, 0.95].map((share) => {
          const box = track.getBoundingClientRect();
          return document.elementFromPoint(box.left + share * box.width, box.top + box.height / 2).className;
        })"""
        assert await track.evaluate(top) == ["span low", "span medium past", "span critical"]


@pytest.mark.parametrize(
    ("language", "title", "signals"),
    [
        ("en", "Several signals lost together", "3 signals: pH, pO₂, Temperature"),
        ("fr", "Plusieurs signaux perdus ensemble", "3 signaux : pH, pO₂, Température"),
    ],
)
@pytest.mark.parametrize("over", [False, True])
async def test_signals_lost_together_are_counted_and_named(browser, view, language, title, signals, over):
    view.raise_alarm(alarm(lost_together(), Priority.MEDIUM))
    if over:
        view.raise_alarm(alarm(lost_together(Stage.CLOSED, NOW + 1), state=AlarmState.RTN_UNACK))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        row = page.locator(".alarms li")
        await expect(row).to_contain_text(title)
        await expect(row).to_contain_text(signals)
        await row.locator("a").click()
        await expect(page.locator("article.card .facts")).to_contain_text(signals)
        for tag, cards in (("R101.temperature", 1), ("R101.pCO2", 0)):
            await page.goto(f"http://127.0.0.1:{port}/#/tag/{tag}?lang={language}")
            await expect(page.locator("article.card")).to_have_count(cards)


async def test_a_signal_alarm_names_its_signal_in_list_vessel_and_strip(browser, view):
    view.raise_alarm(alarm(lost("pO2"), Priority.MEDIUM))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=fr")
        await expect(page.locator(".alarms li")).to_contain_text("pO₂ · Signal perdu")
        await expect(page.locator(".alarms li small").first).to_contain_text("R101.pO2 · depuis")
        await expect(page.locator(".vessel .worst")).to_contain_text("pO₂ · Signal perdu")
        await expect(page.locator(".strip .span")).to_have_attribute(
            "title", re.compile("^pO₂ · Signal perdu")
        )


async def test_the_alarm_of_a_link_is_dealt_with_on_the_diagnostics_page(browser, view):
    standing = alarm(link_down(), Priority.MEDIUM)
    view.raise_alarm(standing)
    view.raise_alarm(alarm(drift()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await page.locator(".alarms li a", has_text="Link is down").click()
        assert "#/diagnostics" in page.url
        card = page.locator("article.card")
        await expect(card).to_have_count(1)
        await expect(card).to_be_focused()
        await expect(card).to_contain_text("lab-mqtt")
        await expect(card).to_contain_text("127.0.0.1:1883 refuses the connection.")
        await card.get_by_role("button", name="Acknowledge").click()
        await expect(card).to_contain_text("acknowledged (operator")
        assert view.standing[standing.id].state == AlarmState.ACKED


async def test_a_link_that_is_up_says_what_it_has_to_say(browser, view, monkeypatch):
    words = "edge node bioline/skid is gone; its values are stale"
    links = [LinkState("skid", True, words, NOW, 7, 0), LinkState("other", True, "connected", NOW, 7, 0)]
    monkeypatch.setattr(view, "links", lambda: links)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang=fr")
        rows = page.locator("tbody tr")
        await expect(rows.nth(0).locator("td").first).to_have_text(
            "connectéele nœud bioline/skid a disparu ; ses valeurs sont périmées"
        )
        await expect(rows.nth(1).locator("td").first).to_have_text("connectée")


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "pH disagrees with pCO2 and alkalinity.", "Base use rose with unchanged oxygen uptake."),
        (
            "fr",
            "Le pH contredit la pCO2 et l'alcalinité.",
            "La base consommée augmente sans plus d'oxygène consommé.",
        ),
    ],
)
async def test_evidence_is_said_in_sentences(browser, view, language, first, second):
    view.raise_alarm(alarm(drift()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        await expect(page.locator("article.card dl div").first.locator("dd")).to_have_text([first, second])


@pytest.mark.parametrize(
    ("language", "words"), [("en", "off by +0.080 at 06:02"), ("fr", "écart de +0,080 à 06:02")]
)
async def test_a_size_is_told_with_the_time_it_was_measured(browser, view, language, words):
    view.raise_alarm(alarm(drift(t=NOW - 70 * 60 * SECOND)))
    async with serve(view) as port, tab(browser, timezone_id="UTC") as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang={language}")
        await expect(page.locator("article.card .facts strong")).to_contain_text(words)


@pytest.mark.parametrize(
    ("language", "words", "foreign"),
    [
        ("en", "The service did not answer: there is no contact with it", "Failed to fetch"),
        ("fr", "Le service n'a pas répondu : aucun contact avec lui", "Failed to fetch"),
    ],
)
async def test_diagnostics_say_in_the_language_of_the_page_that_the_service_is_gone(
    browser, view, language, words, foreign
):
    async with tab(browser) as page:
        async with serve(view) as port:
            await page.goto(f"http://127.0.0.1:{port}/#/diagnostics?lang={language}")
            await expect(page.locator(".sum")).to_be_visible()
        await expect(page.locator("p.broken").first).to_contain_text(words, timeout=6000)
        await expect(page.locator("main")).not_to_contain_text(foreign)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "There is no tag and no estimate R101.nix"), ("fr", "ni variable ni estimation R101.nix")],
)
async def test_a_tag_that_does_not_exist_is_said_not_to(browser, view, language, words):
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/tag/R101.nix?lang={language}")
        await expect(page.locator("main")).to_contain_text(words)
        await expect(page.locator("figure.trend")).to_have_count(0)
        await page.goto(f"http://127.0.0.1:{port}/#/tag/R101.kLa?lang={language}")
        await expect(page.locator("figure.trend")).to_have_count(1)


async def test_an_operator_shelves_with_a_reason_and_sees_it_return(browser, view):
    view.raise_alarm(alarm(drift()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=fr")
        card = page.locator("article.card")
        await card.get_by_role("button", name="Mettre de côté…").click()
        await card.get_by_label("Pour combien de temps").select_option("2")
        await card.get_by_role("button", name="Mettre de côté", exact=True).click()
        assert view.standing, "nothing is put aside without a reason"
        await card.get_by_label("Motif").fill("sonde remplacée")
        await card.get_by_label("Motif").press("Enter")
        await expect(page.locator("article.card")).to_have_count(0)
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=fr")
        await page.get_by_text("mises de côté : 1").click()
        row = page.locator(".aside-row")
        await expect(row).to_contain_text("operator: sonde remplacée")
        shelved = next(iter(view.standing.values()))
        assert (shelved.state, shelved.until_ns) == (AlarmState.SHELVED, view.clock.time_ns + 2 * HOUR)
        back = replace(shelved, state=AlarmState.UNACK, until_ns=None)
        view.raise_alarm(back)
        await expect(page.locator(".alarms-page > .cards > article.card")).to_have_count(1, timeout=5000)


async def test_comment_reference_value_calibration_and_doubt_are_taken_from_the_card(browser, view):
    view.raise_alarm(alarm(drift()))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        card = page.locator("article.card")
        for button, label, text in (
            ("Comment", "In one line", "seen at <b>04:10</b>"),
            ("The lab says otherwise", "Laboratory value", "6,94"),
            ("Recalibrated now", "Remark", "two buffers"),
            ("Not so", "In one line", "new medium"),
        ):
            await card.get_by_role("button", name=f"{button}…").click()
            await card.get_by_label(label).fill(text)
            await card.get_by_role("button", name=button, exact=True).click()
            await expect(card.locator("form")).to_have_count(0)
        await expect(card.locator(".said")).to_contain_text("operator, comment: seen at <b>04:10</b>")
        await expect(card.locator(".said")).to_contain_text("not so: new medium")
        assert view.values["R101.pH_lab"].value == 6.94
        assert [e.kind for e in view.log[-3:]] == [Kind.ALARM, Kind.CALIBRATION, Kind.ALARM]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "pH probe is drifting",
                "pH · Too high",
                "Several signals lost together",
                "Link is down",
            ),
        ),
        (
            "fr",
            ("La sonde pH dérive", "pH · Trop haut", "Plusieurs signaux perdus ensemble", "Liaison coupée"),
        ),
    ],
)
async def test_AL_10_the_log_and_the_most_frequent_are_in_words(browser, view, language, words):
    view.texts = {each: catalogue(each) for each in ("en", "fr")}
    ids = ("R101/ph_probe_drift", "R101/limit_high/pH", "R101/signal_lost/together", "lab-mqtt/link", "x/y/z")
    for i, name in enumerate(ids):
        t = view.clock.time_ns - (i + 1) * SECOND
        view.moves.insert(0, Move(t, name, AlarmState.NORMAL, AlarmState.UNACK, Priority.HIGH, True))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/alarms?lang={language}")
        for place in (page.locator("[aria-labelledby=log] table"), page.locator(".often")):
            for text in (*words, "x/y/z"):
                await expect(place).to_contain_text(text)
            await expect(place).not_to_contain_text("limit_high")
        await expect(page.locator(".often small").filter(has_text="R101.pH")).to_have_count(1)


async def test_consequences_are_inside_the_card_of_their_fault(browser, view):
    fault = alarm(drift())
    view.raise_alarm(fault)
    low = replace(drift(), kind=Kind.LIMIT, condition="R101/limit_high/pH/1", causes=(), verdict=None)
    part = replace(alarm(low), state=AlarmState.SUPPRESSED, part_of=fault.id)
    view.raise_alarm(part)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator(".alarms li")).to_have_count(1)
        await expect(page.locator(".alarms li")).to_contain_text("consequences: 1")
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator("article.card")).to_have_count(1)
        await expect(page.locator("article.card")).to_contain_text("Consequences: 1")


async def test_a_viewer_sees_and_can_not_press(browser):
    view = ScriptedView(people=people())
    view.raise_alarm(alarm(drift()))
    admin = Actor("root", Role.ADMINISTRATOR, "test")
    invitation = view.people.invite(Person("wall", "Wall screen", Role.VIEWER), admin)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await page.goto(f"http://127.0.0.1:{port}/#/welcome?lang=en&invitation={invitation}")
        await page.get_by_label("Password", exact=True).fill("four plain wooden chairs")
        await page.get_by_label("Password again").fill("four plain wooden chairs")
        await page.get_by_label("Password again").press("Enter")
        await expect(page.locator(".alarms li")).to_have_count(1)
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        await expect(page.locator("article.card")).to_contain_text("pH probe is drifting")
        await expect(page.locator("article.card .deeds button")).to_have_count(0)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "text"), [("en", "during cleaning in place"), ("fr", "pendant : nettoyage en place")]
)
async def test_what_a_phase_suppresses_is_shown_aside_with_the_phase(browser, language, text):
    view = ScriptedView()
    suppressed = replace(
        alarm(drift(), state=AlarmState.SUPPRESSED), part_of="phase/cip", by="design", why="phase/cip"
    )
    view.raise_alarm(suppressed)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/alarms?lang={language}")
        await expect(page.locator(".aside-row > summary")).to_contain_text(text)
        await page.goto(f"http://127.0.0.1:{port}/#/?lang={language}")
        await expect(page.locator(".alarms li")).to_have_count(0)
        await expect(page.locator(".alarms .quiet a")).to_be_visible()
