"""Killed between raising an alarm and telling of it: once in the list, told at least once by one key."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.alarm import AlarmState

KILLS = int(os.environ.get("BIOLINE_NOTIFY_KILLS", "8"))
CHILD = Path(__file__).with_name("notify_child.py")
LONGEST_S = 0.4
"""A child is killed up to so long after its start; it needs about 50 ms, on a busy machine some hundred."""

TELLING_S = 0.06
"""Every second one, up to so long after the alarm is durable."""


@dataclass
class Phone:
    """What a subscriber got, by key."""

    posts: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(lines["content-length"]))
            self.posts[lines["idempotency-key"]] += 1
            await asyncio.sleep(0.005)
            writer.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # killed while it spoke
        finally:
            writer.close()


async def said(process: asyncio.subprocess.Process, word: str) -> list[str]:
    assert process.stdout is not None
    while True:
        line = (await asyncio.wait_for(process.stdout.readline(), 120)).decode().split()
        assert line, "the child ended"
        if line[0] == word:
            return line


async def test_AL_04_each_alarm_is_in_the_list_once_and_told_by_one_key(tmp_path: Path) -> None:
    rng, phone, path = random.Random(4), Phone(), tmp_path / "ledger.sqlite"
    mother = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        cwd=CHILD.parents[2],
    )  # fmt: skip
    assert mother.stdin is not None
    async with await asyncio.start_server(phone.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notices"

        async def ask(numbers: range) -> int:
            assert mother.stdin is not None
            mother.stdin.write(f"{path} {url} {' '.join(map(str, numbers))}\n".encode())
            return int((await said(mother, "started"))[1])

        for n in range(1, KILLS + 1):
            pid = await ask(range(n, n + 1))
            if n % 2:  # while it tells of it, or just after
                await said(mother, "raised")
            await asyncio.sleep(rng.uniform(0.0, TELLING_S if n % 2 else LONGEST_S))
            with contextlib.suppress(ProcessLookupError):  # it had told everything and was gone
                os.kill(pid, signal.SIGKILL)
            await said(mother, "ended")
        early = len(phone.posts)
        await ask(range(1, KILLS + 1))  # the sources say again what is down
        await said(mother, "done")
        await said(mother, "ended")
    mother.stdin.close()
    await mother.wait()
    ledger = SqliteLedger(path)
    raised = Counter(move.alarm for move in ledger.moves(0, 2**62) if move.new is AlarmState.UNACK)
    names = {f"source{n}/link" for n in range(1, KILLS + 1)}
    assert raised == Counter(dict.fromkeys(names, 1)), "each called for attention once"
    assert sorted(alarm.id for alarm in ledger.alarms()) == sorted(names)
    assert {key.rpartition("/link/")[0] for key in phone.posts} == {f"source{n}" for n in range(1, KILLS + 1)}
    assert len(phone.posts) == KILLS, "one key for each alarm, told at least once"
    assert ledger.outbox() == {"waiting": 0, "sent": KILLS, "given_up": 0, "withdrawn": 0}
    again = sum(count - 1 for count in phone.posts.values())
    print(f"kills {KILLS}: alarms {len(raised)}, keys {len(phone.posts)}, told before the end {early}")
    print(f"told again with the same key {again}")
    ledger.close()
