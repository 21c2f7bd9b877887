"""Killed between raise and notify fifty times: one alarm, one notice where the channel acknowledged."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dying_courier import POINTS

from connectors.ledgers.sqlite import SqliteLedger

ROUNDS = 50
ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def recipient() -> Iterator[tuple[str, Counter[str]]]:
    """Takes every notice, and counts them by the key they carry."""
    taken: Counter[str] = Counter()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            taken[self.headers["idempotency-key"]] += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", taken
        server.shutdown()
        thread.join()


def test_a_killed_service_tells_of_each_alarm_and_never_twice_what_was_settled(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    script = Path(__file__).with_name("dying_courier.py")
    with recipient() as (url, taken):
        command = [sys.executable, str(script), str(path), url, str(ROUNDS)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    ledger = SqliteLedger(path)
    names = Counter(alarm.id for alarm in ledger.alarms())
    assert names == {f"R1/drift/probe{n}": 1 for n in range(ROUNDS)}
    assert ledger.outbox()["sent"] == ROUNDS
    ledger.close()
    for number in range(ROUNDS):
        point = POINTS[number % len(POINTS)]
        (times,) = [count for key, count in taken.items() if f"/probe{number}/" in key]
        # where the service died before it could note the acknowledgement, the same key comes again
        assert times == (2 if point == "accepted" else 1), (point, number)
    assert len(taken) == ROUNDS
