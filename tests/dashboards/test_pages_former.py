"""An alarm of the former batch on the page of the present one: apart, and not with its notes."""

from dataclasses import replace

import pytest
from browsing import pictured, serve, tab
from playwright.async_api import expect
from scripted_view import HOUR, NOW, START, ScriptedView, alarm, drift

from twin.domain.alarm import AlarmState
from twin.domain.event import Kind, Stage

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("where", ["unit/R101", "tag/R101.pH"])
@pytest.mark.parametrize(("language", "title"), [("en", "From before this batch"), ("fr", "D'avant ce lot")])
async def test_alarms_of_the_former_batch_stand_apart(browser, where, language, title):
    view = ScriptedView()
    old = drift(t=START - 5 * HOUR)
    gone = replace(old, t=START, stage=Stage.CLOSED, evidence=("new_batch",))
    former = replace(alarm(gone, state=AlarmState.RTN_UNACK), raised_ns=old.t, active=False)
    own = alarm(replace(drift(), condition="R101/frozen/pH/1", kind=Kind.FROZEN, causes=()))
    for each in (former, own):
        view.raise_alarm(each)
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/{where}?lang={language}")
        await expect(page.locator(".cards .card")).to_have_count(2)
        await expect(page.locator(".cards > .card")).to_have_count(1)
        apart = page.get_by_role("region", name=title)
        await expect(apart.locator(".card")).to_have_count(1)
        await expect(apart.get_by_role("heading", name=title)).to_have_count(1)
        await expect(apart.locator(".card")).to_have_class("card panel high rtn_unack")
        await pictured(page, f"former-{language}-{where[:3]}")


async def test_what_was_said_in_the_former_batch_is_not_said_of_the_present_one(browser):
    view = ScriptedView()
    own = alarm(drift())
    view.raise_alarm(own)
    for t, why in ((START - 4 * HOUR, "buffer was old"), (NOW, "sample is drawn")):
        detail = {"what": "comment", "by": "ann", "alarm": own.id, "why": why}
        condition = f"{own.id}/comment/{t}"
        view.happen(replace(own.event, t=t, kind=Kind.ALARM, condition=condition, evidence=(), detail=detail))
    async with serve(view) as port, tab(browser) as page:
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?lang=en")
        said = page.locator(".said li")
        await expect(said).to_have_count(1)
        await expect(said).to_contain_text("sample is drawn")
