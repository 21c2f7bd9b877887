"""Prints the sets and, last, one JSON object; ends with 1 when a set is not empty."""

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from torture.harness import long_form, torture
from torture.judge import Verdict

SHOWN = 20
"""Keys of a set that are printed."""


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills of the service at random")
    parser.add_argument("--store", choices=("both", "sqlite", "influxdb"), default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    return parser.parse_args()


def _tell(name: str, verdict: Verdict) -> None:
    print(f"\n{name}: peers took {verdict.taken}, stored {verdict.stored}, refused {verdict.refused}")
    for what, keys in verdict.sets.items():
        shown = ", ".join(f"{tag}#{number}" for tag, number in sorted(keys)[:SHOWN])
        print(f"  {what:<11} {len(keys):>6}  {shown}")


def main() -> int:
    """Run over the stores asked for; 0 when all sets are empty."""
    asked = _asked()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a sender that dies while it speaks
    stores = ["sqlite", "influxdb"] if asked.store == "both" else [asked.store]
    total: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    print(f"seed {asked.seed}")
    for number, store in enumerate(stores):
        share = asked.kills // len(stores) + (number < asked.kills % len(stores))
        with tempfile.TemporaryDirectory(prefix="bioline-torture-") as folder:
            options = long_form(share, store, asked.seed + number, -(-asked.kills // 5))
            verdict = asyncio.run(
                torture(options, Path(folder) / "run", lambda text: print(text, flush=True))
            )
        _tell(store, verdict)
        figures = verdict.figures()
        killed.update(verdict.kills)
        total.update({name: value for name, value in figures.items() if isinstance(value, int)})
    print(json.dumps({**total, "killed": dict(sorted(killed.items())), "seed": asked.seed}))
    return int(any(total[name] for name in ("lost", "invented", "duplicated", "reordered")))


if __name__ == "__main__":
    sys.exit(main())
