"""Accessibility of every page: no serious or critical finding of axe-core, by day and by night."""

from dataclasses import replace
from pathlib import Path

import pytest
from browsing import headers_of, serve, tab
from scripted_view import (
    ScriptedView,
    aeration,
    alarm,
    drift,
    forecast,
    line,
    link_down,
    lost_together,
    people,
)
from test_playbar import ScriptedPlayback

from dashboards import pages
from dashboards.access import COOKIE
from twin.domain.alarm import Priority
from twin.domain.asset import Origin
from twin.domain.measurement import Quality
from twin.domain.people import Actor, Person, Role

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]
AXE = Path(pages.__file__).parent / "web/node_modules/axe-core/axe.min.js"
SIGNED_OUT = ("", "welcome?invitation=x", "stop?number=s&secret=x")
SIGNED_IN = (
    "",
    "?wall=1",
    "unit/R101",
    "tag/R101.pH",
    "alarms",
    "diagnostics",
    "subscriptions",
    "models",
    "people",
    "trail",
)
WAIT = "main .panel, main .empty, main section"


async def findings(page, port: int, where: str) -> list[str]:
    await page.goto(f"http://127.0.0.1:{port}/#/{where}")
    await page.locator(WAIT).first.wait_for()
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run({resultTypes: ['violations']})")
    bad = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    return [f"{where or 'line'}: {each['id']}: {each['nodes'][0]['html'][:160]}" for each in bad]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_HMI_06_no_page_has_a_serious_finding(browser, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make front")
    view = ScriptedView(people=people())
    for event in (drift(), lost_together(), aeration()):
        view.raise_alarm(alarm(event, Priority.MEDIUM))
    view.set("R101.pO2", None, Quality.BAD)
    view.set("R101.pCO2", 61.0, Quality.UNCERTAIN)
    view.set("R101.temperature", 36.0, age_s=900)
    admin = Actor("root", Role.ADMINISTRATOR, "test")
    invitation = view.people.invite(Person("anne", "Anne", Role.ADMINISTRATOR), admin)
    opened = await view.people.accept(invitation, "", "nine violet trams hum", "127.0.0.1")
    async with serve(view) as port, tab(browser, color_scheme=scheme) as page:
        found = [row for where in SIGNED_OUT for row in await findings(page, port, where)]
        cookie = {"name": COOKIE, "value": opened.token, "url": f"http://127.0.0.1:{port}"}
        await page.context.add_cookies([cookie])
        await page.reload()
        found += [row for where in SIGNED_IN for row in await findings(page, port, where)]
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_of_engineers_have_no_serious_finding(browser, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make front")
    view = ScriptedView(people=people(), line=replace(line(), origin=Origin.REPLAY))
    view.ahead, view.playback = [forecast()], ScriptedPlayback(view)
    asked = "what-if/R101?ask=more:+feed_factor%3D1.2@0|loss:+kla_loss%3D-30@4"
    async with (
        serve(view) as port,
        tab(browser, color_scheme=scheme, extra_http_headers=headers_of(view)) as page,
    ):
        found = [row for where in (asked, "unit/R101") for row in await findings(page, port, where)]
        await page.locator(".playbar").wait_for()
    assert found == []


async def test_HMI_02_every_state_is_told_apart_without_colour(browser):
    view = ScriptedView()
    shown = {"pH": "good", "pO2": "bad", "pCO2": "uncertain", "conductivity": "stale"}
    for name, quality in (("pO2", Quality.BAD), ("pCO2", Quality.UNCERTAIN)):
        view.set(f"R101.{name}", 7.0, quality)
    for name in ("pH", "conductivity"):
        view.set(f"R101.{name}", 7.0, age_s=0 if name == "pH" else 900)
    priorities = list(Priority)
    for priority, event in zip(priorities, (drift(), lost_together(), aeration(), link_down()), strict=True):
        view.raise_alarm(alarm(event, priority))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await page.evaluate("document.documentElement.style.filter = 'grayscale(1)'")
        await page.locator(".alarms li").nth(3).wait_for()
        marks = [
            await page.locator(f".alarms .mark.{each.value} path").get_attribute("d") for each in priorities
        ]
        assert len(set(marks)) == len(priorities), "each priority has a shape of its own"
        pictures = [await page.locator(f".alarms .mark.{each.value}").screenshot() for each in priorities]
        assert len(set(pictures)) == len(priorities)
        words = [await page.locator(f"[data-tag='R101.{name}']").first.inner_text() for name in shown]
        assert "?" in words[2]
        assert "bad" in words[1]
        assert "min" in words[3]
        assert not any(sign in words[0] for sign in ("?", "bad", "min"))
