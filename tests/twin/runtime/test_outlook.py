"""Forecasts are made beside the stream: the newest question of each vessel, kept and told of."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

from connectors.historians.memory import MemoryHistorian
from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.event import ModelRef
from twin.domain.forecast import Forecast
from twin.ports import Document
from twin.runtime.clock import WallClock
from twin.runtime.hold import Hold
from twin.runtime.hub import Hub
from twin.runtime.outlook import Outlook

S = 1_000_000_000


@dataclass
class Asked:
    """A question that counts how often it is answered."""

    vessel: str
    now_ns: int
    answered: list[int] = field(default_factory=list)

    @property
    def forecaster(self):
        return SimpleNamespace(vessel=SimpleNamespace(id=self.vessel))

    def forecast(self) -> Forecast:
        self.answered.append(self.now_ns)
        return Forecast(self.vessel, self.now_ns, (self.now_ns,), (), (), None, ModelRef("m", "1", "0" * 12))


async def test_only_the_newest_question_of_a_vessel_is_answered(tmp_path) -> None:
    ledger, hub = SqliteLedger(tmp_path / "l.sqlite"), Hub(WallClock())
    outlook = Outlook(MemoryHistorian(), ledger, hub, Hold(WallClock(), print), asyncio.Event())
    old, new, other = Asked("R1", S), Asked("R1", 2 * S), Asked("R2", S)
    outlook.ask([old, other])
    outlook.ask([new])
    await outlook.answer()
    assert (old.answered, new.answered, other.answered) == ([], [2 * S], [S])
    assert {name: f.made_ns for name, f in hub.forecasts.items()} == {"R1": 2 * S, "R2": S}
    ledger.close()


async def test_a_question_wakes_the_one_who_answers(tmp_path) -> None:
    ledger, hub = SqliteLedger(tmp_path / "l.sqlite"), Hub(WallClock())
    outlook = Outlook(MemoryHistorian(), ledger, hub, Hold(WallClock(), print), due := asyncio.Event())
    outlook.foretold = lambda forecast: ([], [Document("risk", forecast.asset, b"1")])
    task = asyncio.create_task(outlook.run())
    outlook.ask([Asked("R1", S)])
    await asyncio.wait_for(due.wait(), 10.0)
    assert ledger.documents("risk") == {"R1": b"1"}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    ledger.close()
