"""The two stores of the harness: the embedded one, and InfluxDB; read from outside the service."""

import sqlite3
from pathlib import Path
from typing import Any, Protocol

import orjson
from servers import Server, influxd

from torture.judge import Stored


class Store(Protocol):
    """What the service writes to."""

    name: str
    server: Server | None

    def section(self) -> dict[str, Any]:
        """For the line file."""
        ...

    def rows(self, tags: tuple[str, ...]) -> list[Stored]:
        """Everything of the tags."""
        ...

    def newest(self, tag: str) -> int:
        """Highest counter of a tag; -1 when there is none."""
        ...


class Embedded:
    """The SQLite file."""

    name = "sqlite"
    server = None

    def __init__(self, data: Path) -> None:
        self._path = data / "torture" / "historian.sqlite"

    def section(self) -> dict[str, Any]:
        return {"kind": "sqlite"}

    def rows(self, tags: tuple[str, ...]) -> list[Stored]:
        marks = ",".join("?" * len(tags))
        return [
            Stored(*row)
            for row in self._all(
                f"SELECT tag, t, value, received FROM measurement WHERE tag IN ({marks})", *tags
            )
        ]

    def newest(self, tag: str) -> int:
        found = self._all("SELECT value FROM measurement WHERE tag = ? ORDER BY t DESC LIMIT 1", tag)
        return int(found[0][0]) if found else -1

    def _all(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        db = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)
        try:
            return db.execute(statement, values).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()


class Influx:
    """A real server of its own."""

    name = "influxdb"

    def __init__(self, folder: Path) -> None:
        self.server: Server = influxd(folder)
        self.server.start()
        self.server.query("CREATE DATABASE plant")

    def section(self) -> dict[str, Any]:
        return {"kind": "influxdb", "url": self.server.url, "database": "plant"}

    def rows(self, tags: tuple[str, ...]) -> list[Stored]:
        """Whole rows: one that the server is writing has some of its fields only, and is not there yet."""
        return [
            Stored(tag, int(time), float(value), int(received))
            for tag in tags
            for time, value, received in self._all(
                f'SELECT "value", "received" FROM "pv" WHERE "tag" = \'{tag}\''
            )
            if value is not None and received is not None
        ]

    def newest(self, tag: str) -> int:
        found = self._all(f'SELECT last("value") FROM "pv" WHERE "tag" = \'{tag}\'')
        return int(found[0][1]) if found else -1

    def _all(self, statement: str) -> list[list[Any]]:
        return [row for series in self.server.query(statement, "plant") for row in series["values"]]


def refused(data: Path) -> list[tuple[str, float]]:
    """Address and value of every refused value in the ledger."""
    db = sqlite3.connect(f"file:{data / 'torture' / 'ledger.sqlite'}?mode=ro", uri=True, timeout=10)
    try:
        bodies = [orjson.loads(body) for (body,) in db.execute("SELECT body FROM quarantine")]
    finally:
        db.close()
    return [(body["reading"]["address"], body["reading"]["value"]) for body in bodies]
