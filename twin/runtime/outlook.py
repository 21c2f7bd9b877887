"""Forecasts, made beside the stream of measurements: values and findings never wait for them."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from twin.domain.alarm import Notice
from twin.domain.forecast import Forecast, kept
from twin.engine.forecast import Question
from twin.ports import Document, Historian, Ledger
from twin.runtime.hold import HISTORIAN, Hold
from twin.runtime.hub import Hub


class Outlook:
    """Answers the newest question of each vessel, keeps what is foreseen and tells of risks.

    Parameters
    ----------
    historian, ledger, hub, hold
        Where forecasts and what is told of them go.
    due : asyncio.Event
        Set when a notice waits in the outbox.

    Attributes
    ----------
    foretold : Callable[[Forecast], (list of Notice, list of Document)]
        What is told of the risks a forecast holds, each once until it is over.
    """

    def __init__(
        self, historian: Historian, ledger: Ledger, hub: Hub, hold: Hold, due: asyncio.Event
    ) -> None:
        self.historian, self.ledger, self.hub, self.hold, self.due = historian, ledger, hub, hold, due
        self.foretold: Callable[[Forecast], tuple[list[Notice], list[Document]]] = lambda _: ([], [])
        self._asked: dict[str, Question] = {}
        self._wake = asyncio.Event()

    def ask(self, questions: Iterable[Question]) -> None:
        """Put questions in; a newer one of a vessel takes the place of one that still waits."""
        self._asked.update((q.forecaster.vessel.id, q) for q in questions)
        if self._asked:
            self._wake.set()

    async def run(self) -> None:
        """Answer what is asked, one question at a time, until cancelled."""
        while True:
            await self._wake.wait()
            await self.answer()

    async def answer(self) -> None:
        """Answer all that waits."""
        self._wake.clear()
        while self._asked:
            question = self._asked.pop(next(iter(self._asked)))
            await self.keep(await asyncio.to_thread(question.forecast))

    async def keep(self, forecast: Forecast) -> None:
        """Store a forecast, show it, and tell of its risks."""
        await self.hold.until_kept(HISTORIAN, partial(self.historian.write_estimates, list(kept(forecast))))
        self.hub.foresee(forecast)
        notices, documents = self.foretold(forecast)
        if documents:
            await asyncio.to_thread(self.ledger.commit, (), (), notices, (), documents)
            self.due.set()
