"""Historian on an InfluxDB server, behind a durable spool on the local disk.

`write` returns when the rows are on the local disk; a task sends them on in order. While the
server is away nothing is lost and nothing is forgotten over a restart.

The server itself would overwrite what it has for a key (tag, time). Recent keys are known here
(`remember`); a row that is not newer than the newest of its tag on the server is looked up there before it
is sent. Older repetitions count as stored again and change nothing; an older contradiction is kept in the
spool file, with the reason.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.codecs import line_protocol
from connectors.codecs.decimate import Point, extremes
from connectors.historians import _influx_ql as ql
from connectors.historians._influx_repeats import Repeats, sifted, stretches
from connectors.historians._influx_server import Account, Api, Server, ServerAwayError, isolate, pause
from connectors.historians._spool import Row, Spool
from twin.domain.errors import ConfigError, StorageError, TwinError
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.ports import ALONE, Historian, HistorianContext, LinkChange, Trend, WriteReport

P = ParamSpec("P")
R = TypeVar("R")

RAW_POINTS: Final = 20_000
"""Up to so many rows a trend is thinned out here, above on the server; chosen default."""


class Config(BaseModel):
    """One server and the spool before it.

    Parameters
    ----------
    url : str
        Such as ``http://127.0.0.1:8086``.
    database : str
        Database (1.x) or bucket (2, 3); must exist there.
    org : str
        Organisation (2.x).
    spool : Path
        File of the rows on their way; on a local disk.
    spool_rows : int
        Most rows that may wait; then writes are refused and nothing is acknowledged upstream.
    api : str
        ``auto`` asks the server; ``v1`` or ``v2`` fix the write interface.
    username, password_file : str, Path
        Account of a 1.x server; the password is in a file.
    token_file : Path
        Token of a 2.x or 3 server.
    ca_file : Path
        Certificates of authorities to trust instead of the system's.
    timeout_s : float
        Longest wait for an answer [s].
    batch : int
        Rows in one request.
    remember : int
        Recent keys kept in memory to tell repetitions and contradictions.
    """

    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=r"^https?://[^\s/]+.*$")
    database: str = Field(min_length=1)
    org: str = ""
    spool: Path
    spool_rows: int = Field(default=5_000_000, ge=1)
    api: Literal["auto", "v1", "v2"] = "auto"
    username: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=300)
    batch: int = Field(default=5_000, ge=1, le=50_000)
    remember: int = Field(default=100_000, ge=0)

    @model_validator(mode="after")
    def _one_account(self) -> "Config":
        if self.token_file is not None and (self.username or self.password_file is not None):
            raise ValueError("give token_file, or username and password_file, not both")
        if bool(self.username) != (self.password_file is not None):
            raise ValueError("username and password_file belong together")
        return self


def open_historian(config: Config, context: HistorianContext = ALONE) -> Historian:
    """Open the spool and start sending; a server that is away is no error. Needs a running loop.

    Raises
    ------
    ConfigError
        A secret can not be read, or a tag id can not be written as line protocol.
    StorageError
        The spool is not usable or another process holds it.
    """
    for text in (text for tag in context.tags.values() for text in (tag.id, tag.unit)):
        if not line_protocol.is_writable(text):
            raise ConfigError(
                f"tag {text!r}: backslashes and control characters can not be stored in InfluxDB."
            )
    account = Account(config.username, config.password_file, config.token_file)
    server = Server(config.url, config.database, config.org, account, config.timeout_s, config.ca_file)
    return InfluxHistorian(config, context, server, Spool(config.spool, config.spool_rows))


class InfluxHistorian:
    """The spool and the server behind the port."""

    def __init__(self, config: Config, context: HistorianContext, server: Server, spool: Spool) -> None:
        self._config = config
        self._context = context
        self._server = server
        self._spool = spool
        self._api: Api | None = None
        self._up: bool | None = None
        self._known: dict[tuple[str, int], float | None] = {}
        self._newest: dict[str, Measurement] = {}
        self._repeats = Repeats()
        self._writing = asyncio.Lock()
        self._work = asyncio.Event()
        self._closing = asyncio.Event()
        self._disk = ThreadPoolExecutor(1, "historian-spool")
        self._net = ThreadPoolExecutor(4, "historian-http")
        self._starting = asyncio.create_task(self._start(), name="historian-start")
        self._sending: asyncio.Task[None] | None = None

    async def _start(self) -> None:
        """Remember what waits, greet the server, start the sending task."""
        self._newest = await self._on_disk(self._spool.newest)
        waiting = await self._on_disk(self._spool.between, "pv", *ql.ALL_TIME)
        self._remember(row for row in waiting if isinstance(row, Measurement))
        try:
            await self._greet()
        except ServerAwayError as error:
            self._tell_down(error)
        self._sending = asyncio.create_task(self._send_all(), name="historian-send")

    # -- writing -----------------------------------------------------------------------------

    async def write(self, rows: Sequence[Measurement]) -> WriteReport:
        """Keep measurements; on the local disk when this returns."""
        await self._ready()
        async with self._writing:
            new: dict[tuple[str, int], Measurement] = {}
            repeated, refused = [], []
            for row in rows:
                key = (row.tag, row.time_ns)
                if (reason := line_protocol.refusal(row)) is not None:
                    refused.append((row, reason))
                elif key not in self._known and key not in new:
                    new[key] = row
                elif (new[key].value if key in new else self._known[key]) == row.value:
                    repeated.append(row)
                else:
                    refused.append((row, "conflict"))
            kept = list(new.values())
            await self._on_disk(self._spool.add, "pv", kept)
            self._remember(kept)
        self._work.set()
        return WriteReport(len(kept), tuple(repeated), tuple(refused))

    async def write_estimates(self, rows: Sequence[Estimate]) -> None:
        """Keep the twin's beliefs; on the local disk when this returns."""
        await self._ready()
        for text in {text for row in rows for text in (row.name, row.unit)}:
            if not line_protocol.is_writable(text):
                raise StorageError(
                    f"estimate {text!r}: backslashes and control characters can not be stored."
                )
        await self._on_disk(self._spool.add, "est", rows)
        self._work.set()

    async def _ready(self) -> None:
        """Started; a fault in the sending task surfaces here instead of filling the spool."""
        await asyncio.shield(self._starting)
        if self._sending is not None and self._sending.done():
            self._sending.result()

    def _remember(self, rows: Iterable[Measurement]) -> None:
        for row in rows:
            self._known[row.tag, row.time_ns] = row.value
            if row.tag not in self._newest or self._newest[row.tag].time_ns < row.time_ns:
                self._newest[row.tag] = row
        for key in list(islice(self._known, max(0, len(self._known) - self._config.remember))):
            del self._known[key]

    # -- sending -----------------------------------------------------------------------------

    async def _send_all(self) -> None:
        failures = 0
        while True:
            if not self._spool.waiting:
                if self._closing.is_set():
                    return
                await self._work.wait()
                self._work.clear()
                continue
            try:
                await self._send_some()
                failures = 0
            except (ServerAwayError, StorageError) as error:
                failures += 1
                self._tell_down(error)
                asked_s = error.wait_s if isinstance(error, ServerAwayError) else None
                if self._closing.is_set() or await self._closed_within(pause(failures, asked_s)):
                    return

    async def _send_some(self) -> None:
        if self._api is None:
            await self._greet()
        damaged = self._spool.damaged
        batches = await self._on_disk(self._spool.head, self._config.batch)
        rows = [row for batch in batches for row in batch.rows]
        fresh, rejected = await self._over_net(self._sift, rows)
        rejected += await self._over_net(self._post, fresh)
        self._repeats.learn(fresh)
        await self._on_disk(self._spool.settle, batches, rejected)
        self._tell_up()
        if rejected:
            first = rejected[0][1]
            self._tell(
                None, f"{len(rejected)} rows refused for good: {first}. They are kept in the spool file."
            )
        if self._spool.damaged > damaged:
            self._tell(None, f"{self._config.spool}: rows damaged on disk were set aside; check the disk.")

    def _sift(self, rows: Sequence[Row]) -> tuple[list[Row], list[tuple[Row, str]]]:
        """Look up what may be on the server already; see `Repeats`. A server without questions takes all."""
        there: dict[tuple[str, int], float | None] = {}
        if self._server.version:
            for tags, start_ns, end_ns in stretches(self._repeats.suspects(rows)):
                found = ql.measurements(self._server.query(ql.rows(tags, start_ns, end_ns, None)))
                there.update(((row.tag, row.time_ns), row.value) for row in found)
        return sifted(rows, there)

    def _post(self, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        api = self._api or "v2"
        return (
            isolate(rows, lambda some: self._server.post(api, [self._line(row) for row in some]))
            if rows
            else []
        )

    def _line(self, row: Row) -> str:
        if isinstance(row, Estimate):
            return line_protocol.estimated(row)
        tag = self._context.tags.get(row.tag)
        return line_protocol.measured(row, tag.unit if tag else "")

    async def _greet(self) -> None:
        """Learn which interface the server has and what it already knows of the newest times."""
        version = await self._over_net(self._server.ping)
        if version:
            each = max(1, min(1000, self._config.remember // max(1, len(self._context.tags))))
            with suppress(StorageError):  # such as: no such database yet; writing will tell
                self._recall(await self._over_net(self._server.query, ql.newest_of_all(each)))
        auto: Api = "v1" if version.startswith(("1.", "0.")) else "v2"
        self._api = auto if self._config.api == "auto" else self._config.api

    def _recall(self, series: list[dict[str, Any]]) -> None:
        """Put what the server knows before what came since, so that it is forgotten first."""
        since = dict(self._known)
        self._known = {}
        there = sorted(ql.measurements(series), key=lambda row: row.time_ns)
        self._repeats.learn(there)
        self._remember(there)
        self._known |= since

    async def _closed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return False
        return True

    def _tell_down(self, error: TwinError) -> None:
        if self._up is not False:
            self._up = False
            self._tell(False, str(error))

    def _tell_up(self) -> None:
        if self._up is not True:
            self._up = True
            self._tell(True, f"{self._config.url}: takes rows.")

    def _tell(self, up: bool | None, text: str) -> None:
        self._context.report(LinkChange("historian", up, text, self._context.now_ns()))

    # -- reading -----------------------------------------------------------------------------

    async def read(
        self, tags: Sequence[str], start_ns: int, end_ns: int, limit: int | None = None
    ) -> list[Measurement]:
        """Measurements on the server and still in the spool, by time and then tag; the first `limit`."""
        await self._ready()
        if not tags:
            return []
        waiting = await self._waiting(set(tags), start_ns, end_ns)
        series = await self._query(ql.rows(tags, start_ns, end_ns, limit))
        found = {(row.time_ns, row.tag): row for row in ql.measurements(series)}
        found |= {(row.time_ns, row.tag): row for row in waiting}
        return [found[key] for key in sorted(found)][:limit]

    async def last(self, tags: Sequence[str]) -> dict[str, Measurement]:
        """Newest measurement of each tag; from the spool's own memory when the server is away."""
        await self._ready()
        unknown = [tag for tag in tags if tag not in self._newest]
        if unknown and self._api is not None and self._server.version:
            rows = ql.measurements(await self._query(ql.newest_of(unknown)))
            self._newest |= {row.tag: row for row in rows if row.tag not in self._newest}
        return {tag: self._newest[tag] for tag in tags if tag in self._newest}

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """Extremes of the measured series, on the server and still in the spool."""
        waiting = await self._waiting({name}, start_ns, end_ns)
        rows = await self._sketch(
            "pv", "value", "q", ql.where([name], start_ns, end_ns), (end_ns - start_ns) // max(1, points)
        )
        series = {
            row["time"]: Point(row["time"], ql.number(row.get("value")), int(row["q"]))
            for row in rows
            if row["q"] is not None
        }
        series |= {row.time_ns: Point(row.time_ns, row.value, int(row.quality)) for row in waiting}
        kept = extremes([series[t] for t in sorted(series)], start_ns, end_ns, points)
        return Trend(*zip(*kept, strict=True)) if kept else Trend()

    async def trend_estimates(
        self, name: str, start_ns: int, end_ns: int, points: int
    ) -> tuple[Trend, Trend]:
        """Mean and standard deviation of an estimate where the mean has its extremes."""
        waiting = await self._on_disk(self._spool.between, "est", *ql.clipped(start_ns, end_ns))
        rows = await self._sketch(
            "est", "mean", "sd", ql.where([name], start_ns, end_ns), (end_ns - start_ns) // max(1, points)
        )
        found = {
            row["time"]: (float(row["mean"]), float(row["sd"]))
            for row in rows
            if None not in (row["mean"], row["sd"])
        }
        found |= {
            row.time_ns: (row.mean, row.sd)
            for row in waiting
            if isinstance(row, Estimate) and row.name == name
        }
        means = [Point(t, found[t][0], int(Quality.GOOD)) for t in sorted(found)]
        kept = extremes(means, start_ns, end_ns, points)
        if not kept:
            return Trend(), Trend()
        times, values, qualities = zip(*kept, strict=True)
        return Trend(times, values, qualities), Trend(times, tuple(found[t][1] for t in times), qualities)

    async def _sketch(
        self, kind: str, field: str, other: str, where: str, width: int
    ) -> list[dict[str, Any]]:
        """All rows when they are few, else those with the extremes and gaps of each stretch of time."""
        counted = ql.dicts(await self._query(ql.count(kind, other, where)))
        if sum(row["n"] for row in counted) <= RAW_POINTS:
            return ql.dicts(await self._query(ql.everything(kind, field, other, where)))
        return ql.dicts(await self._query(ql.outermost(kind, field, other, where, width)))

    async def pending(self) -> int:
        """Rows in the spool."""
        return self._spool.waiting

    async def close(self) -> None:
        """Send what can be sent within the time allowed for one answer; the rest stays in the spool."""
        await asyncio.wait({self._starting})
        self._closing.set()
        self._work.set()
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=self._config.timeout_s)
            self._sending.cancel()
        await asyncio.to_thread(self._net.shutdown)
        await self._on_disk(self._spool.close)
        self._disk.shutdown()
        self._server.close()
        if self._sending is not None:
            with suppress(asyncio.CancelledError):
                await self._sending
        self._starting.result()

    async def _waiting(self, tags: set[str], start_ns: int, end_ns: int) -> list[Measurement]:
        # Asked before the server is, so that a row on its way between the two is seen at least once.
        rows = await self._on_disk(self._spool.between, "pv", *ql.clipped(start_ns, end_ns))
        return [row for row in rows if isinstance(row, Measurement) and row.tag in tags]

    async def _query(self, statement: str) -> list[dict[str, Any]]:
        try:
            return await self._over_net(self._server.query, statement)
        except ServerAwayError as error:
            raise StorageError(f"history can not be read now: {error}") from error

    async def _on_disk(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._disk, partial(call, *args, **kwargs))

    async def _over_net(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._net, partial(call, *args, **kwargs))
