"""``make fuzz ARGS="--seconds 60 --only json_payload"``: each target in a process of its own, bounded.

A finding is kept in ``tests/fuzz/corpus/TARGET/found-...`` and ends the run with 1; the test of the corpus
holds it from then on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from fuzz.fuzz_targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MEMORY_MB, LONGEST_S, LONGEST_BYTES = 512, 5, 4096
"""Bounds of one input: memory of the process, time, and size."""


def one(target: str, seconds: int) -> int:
    """Fuzz one target; 0 when nothing was found."""
    kept = CORPUS / target
    kept.mkdir(parents=True, exist_ok=True)
    found = Path(kept, "found-")
    bounds = [f"-rss_limit_mb={MEMORY_MB}", f"-timeout={LONGEST_S}", f"-max_len={LONGEST_BYTES}"]
    command = [sys.executable, "-m", "fuzz.fuzz_one", target, f"-max_total_time={seconds}", *bounds]
    done = subprocess.run([*command, f"-artifact_prefix={found}"], capture_output=True, text=True)
    last = [line for line in done.stderr.splitlines() if "exec" in line or "cov:" in line][-1:]
    said = "nothing found" if done.returncode == 0 else "FOUND"
    print(f"{target:<22} {said}  {' '.join(last)[:150]}", flush=True)
    if done.returncode:
        print(done.stderr[-3000:])
    return done.returncode


def main() -> int:
    """Every target asked for."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", choices=sorted(TARGETS), action="append")
    asked = parser.parse_args()
    return max(one(target, asked.seconds) for target in asked.only or TARGETS)


if __name__ == "__main__":
    sys.exit(main())
