"""An answer is worked out once for a while of the line's time, and anew after it."""

from types import SimpleNamespace

import pytest

from twin.runtime.samples import KEPT_NS, SampleDesk


def question(asset: str, now_ns: int, asked: list[tuple[str, int]]) -> SimpleNamespace:
    """A question that notes that it was worked out."""

    def next_samples() -> tuple[tuple[str, int], ...]:
        asked.append((asset, now_ns))
        return ((asset, now_ns),)

    forecaster = SimpleNamespace(vessel=SimpleNamespace(id=asset))
    return SimpleNamespace(forecaster=forecaster, now_ns=now_ns, next_samples=next_samples)


@pytest.mark.asyncio
async def test_asking_again_costs_nothing_until_the_answer_is_old() -> None:
    desk, asked = SampleDesk(), list[tuple[str, int]]()
    times = [0, KEPT_NS - 1, KEPT_NS, 2 * KEPT_NS - 1, 0]  # the last: a playback jumped back
    told = [(await desk.ask(question("R101", t, asked)))[0][1] for t in times]
    assert told == [0, 0, KEPT_NS, KEPT_NS, 0]
    assert (await desk.ask(question("R102", 0, asked)))[0] == ("R102", 0)
    assert len(asked) == 4
