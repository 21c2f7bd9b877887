"""The overview of the line: units in the order of the process, their pipes, and the wall."""

import re
from dataclasses import replace

import pytest
from browsing import serve, tab
from playwright.async_api import Page, expect
from scripted_view import HOUR, START, ScriptedView, aeration, alarm, drift, forecast, line, vessel
from test_axe import AXE, findings

from twin.domain.alarm import Priority
from twin.domain.asset import Form, Line

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]
FEEDS = {
    "C301": ((), Form.COLUMN),
    "R101": (("H201",), Form.VESSEL),
    "R102": (("H201",), Form.VESSEL),
    "H201": (("C301",), Form.FILTER),
    "N101": (("R101", "R102", "C301"), Form.VESSEL),
}
ORDER = ["N101", "R101", "R102", "H201", "C301"]
SMALLEST = 0.0186
"""Height of a letter of 16 arc minutes at 4 m [m]."""
WIDTH_55_INCHES = 1.218
"""Width of a screen of 55 inches, 16:9 [m]."""
CAPITAL = 0.70
"""Height of a capital letter as a share of the size of its type."""


def flowing() -> Line:
    """Five units, written in another order than the material goes."""
    units = [
        replace(vessel(name, START + i * HOUR), feeds=feeds, form=form)
        for i, (name, (feeds, form)) in enumerate(FEEDS.items())
    ]
    return replace(line(), vessels=tuple(units))


def watched(of: Line) -> ScriptedView:
    view = ScriptedView(line=of)
    view.raise_alarm(alarm(drift()))
    view.raise_alarm(alarm(aeration(), Priority.MEDIUM))
    view.ahead = [forecast("R101")]
    return view


async def lefts(page: Page) -> dict[str, float]:
    boxes = {name: await page.locator(f"[data-unit='{name}']").bounding_box() for name in FEEDS}
    return {name: box["x"] for name, box in boxes.items() if box}


async def test_HMI_units_stand_in_the_order_of_the_process_joined_by_their_pipes(browser):
    async with serve(watched(flowing())) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        await expect(page.locator(".pipes > path")).to_have_count(6)
        x = await lefts(page)
        assert x["N101"] < x["R101"] == x["R102"] < x["H201"] < x["C301"]
        names = await page.locator(".flow .vessel h2 a").all_inner_texts()
        assert names == ORDER, "keys and ears go the same way as the material"
        unit = page.locator("[data-unit='R101']")
        await expect(unit).to_contain_text("from N101")
        await expect(unit).to_contain_text("to H201")
        await expect(unit).to_contain_text("pH leaves 6.90–7.20 in")
        await expect(unit.locator(".worst")).to_contain_text("pH probe is drifting")
        await expect(unit.locator(".health")).to_be_visible()


async def test_a_pipe_past_other_units_runs_below_them(browser):
    async with serve(watched(flowing())) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=en")
        paths = page.locator(".pipes > path")
        await expect(paths).to_have_count(6)
        boxes = [await page.locator(f"[data-unit='{name}']").bounding_box() for name in ("H201", "R102")]
        lowest = max(box["y"] + box["height"] for box in boxes if box)
        frame = await page.locator(".flow").bounding_box()
        lanes = [
            re.findall(r"V([\d.]+)", d or "") for d in [await p.get_attribute("d") for p in await paths.all()]
        ]
        below = [ways for ways in lanes if len(ways) == 2]
        assert len(below) == 1
        assert frame
        assert float(below[0][0]) + frame["y"] > lowest


async def test_on_a_phone_the_pipes_are_words(browser):
    async with (
        serve(watched(flowing())) as port,
        tab(browser, viewport={"width": 390, "height": 844}) as page,
    ):
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=fr")
        await expect(page.locator("[data-unit='H201'] .ways")).to_have_text(
            re.compile(r"de\s*R101\s*R102\s*vers\s*C301")
        )
        await expect(page.locator(".pipes")).to_be_hidden()
        assert len({round(x) for x in (await lefts(page)).values()}) == 1
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await page.locator("[data-unit='H201'] .ways a", has_text="C301").click()
        await expect(page.locator("h2", has_text="C301")).to_be_visible()


async def test_a_line_without_pipes_draws_none(browser):
    async with serve(watched(line())) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/")
        await expect(page.locator(".vessel")).to_have_count(2)
        await expect(page.locator(".pipes")).to_have_count(0)


async def test_HMI_06_the_flow_has_no_serious_finding(browser):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make front")
    async with serve(watched(flowing())) as port, tab(browser) as page:
        assert await findings(page, port, "") == []


@pytest.mark.parametrize("of", [line, flowing], ids=["two vessels", "five units in a flow"])
async def test_the_wall_is_large_whole_and_reached_both_ways(browser, of):
    size = {"width": 1920, "height": 1080}
    async with serve(watched(of())) as port, tab(browser, viewport=size) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/?lang=fr&wall=1")
        await expect(page.locator(".worst").first).to_contain_text("La sonde de pH dérive")
        smallest = await page.evaluate(SMALLEST_TYPE)
        assert smallest / 1920 * WIDTH_55_INCHES * CAPITAL >= SMALLEST * 0.99
        assert await page.evaluate(OVER) == [0, 0], "nothing has to be scrolled to"
        await page.keyboard.press("Escape")
        await expect(page.locator("nav")).to_be_visible()
        assert "wall" not in page.url
        await page.get_by_role("button", name="Mural").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("nav")).to_be_hidden()
        assert "wall=1" in page.url


OVER = "(({scrollWidth: w, scrollHeight: h}) => [w - innerWidth, h - innerHeight])(document.documentElement)"
SMALLEST_TYPE = """() => {
  const shown = (e) => e.checkVisibility() && getComputedStyle(e).clipPath === 'none';
  const all = [...document.querySelectorAll('main *')].filter((e) =>
    shown(e) && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && !e.closest('svg'));
  return Math.min(...all.map((e) => parseFloat(getComputedStyle(e).fontSize)));
}"""
