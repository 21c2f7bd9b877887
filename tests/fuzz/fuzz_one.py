"""One target under atheris; `fuzzing` starts it."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["connectors", "simulators.sparkplug_bytes"]):
    from fuzz.fuzz_targets import TARGETS


def main() -> None:
    """Never returns: the fuzzer ends the process. New inputs go to a folder that is thrown away."""
    target = sys.argv.pop(1)
    kept = Path(__file__).parent / "corpus" / target
    with tempfile.TemporaryDirectory() as grown:
        atheris.Setup([*sys.argv, grown, str(kept)], TARGETS[target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
