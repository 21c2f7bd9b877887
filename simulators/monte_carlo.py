"""Many batches of one scenario, seed after seed, on several processes: what became of each, and a digest.

As a program, ``python -m simulators.monte_carlo SCENARIO.yaml --batches 1000 --jobs 2 --out FILE.parquet``.
One row for each batch and vessel. Rows are kept beside the file as they come (``FILE.parquet.part``), so a
run that was killed goes on where it was; the table and its hash depend neither on that nor on the processes.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulators.plant import Plant
from simulators.scenario import Scenario, load_scenario, packaged
from simulators.workers import end_with_parent
from twin.domain.errors import ConfigError

ENDS: Final = ("VCD", "viability", "glucose", "lactate", "titre", "biomass", "acetate", "base_in", "F0")
"""True values whose last one is kept, where the vessel has them."""
PEAKS: Final = ("VCD", "biomass", "acetate", "OUR", "pCO2", "pH", "temperature", "osmolality", "conductivity")
LOWS: Final = ("pH", "pO2", "temperature", "glucose", "conductivity")
AHEAD: Final = 4
"""Batches handed out for each process beyond the one it works on (chosen default)."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of many batches came to.

    Parameters
    ----------
    table : Path
    sha256 : str
        Of the rows in order of seed and vessel.
    batches, resumed : int
        All of them, and those found from a run before.
    wall_s, busy_s : float
        Time taken, and processor time spent inside batches by all processes, of this run.
    jobs : int
    """

    table: Path
    sha256: str
    batches: int
    resumed: int
    wall_s: float
    busy_s: float
    jobs: int

    @property
    def efficiency(self) -> float:
        """Processor time inside batches over what `jobs` cores could have given."""
        return self.busy_s / (self.jobs * self.wall_s) if self.wall_s > 0.0 else 0.0


def one_batch(scenario: Scenario, seed: int) -> list[Row]:
    """Run a scenario with this seed; one row for each vessel.

    ``sha256`` is of every value, quality and time its transmitters and the laboratory gave.
    """
    plant = Plant(scenario, seed)
    batch = plant.advance(scenario.duration_h * 3600.0)
    truth = plant.truth()
    found: list[Row] = []
    for vessel in scenario.vessels:
        own = np.array([tag.startswith(f"{vessel.id}.") for tag in batch.tags])[batch.tag_index]
        digest = hashlib.sha256()
        for column in (batch.time_s, batch.value, batch.quality):
            digest.update(np.ascontiguousarray(column[own]).tobytes())
        assays = [a for a in batch.assays if a.tag.startswith(f"{vessel.id}.")]
        digest.update(repr([(a.tag, a.value, a.drawn_s, a.reported_s) for a in assays]).encode())
        rows = truth["vessel"] == vessel.id
        found.append(
            {"seed": seed, "vessel": vessel.id, **_figures(truth, rows), "sha256": digest.hexdigest()}
        )
    return found


def _figures(truth: dict[str, Any], rows: Any) -> dict[str, float | None]:
    columns = {name: values[rows] for name, values in truth.items() if name not in ("time_s", "vessel")}
    asked = (("end", ENDS, _last), ("max", PEAKS, np.max), ("min", LOWS, np.min))
    figures = {
        f"{name}_{what}": float(of(columns[name]))
        for what, names, of in asked
        for name in names
        if name in columns
    }
    return {name: None if np.isnan(value) else value for name, value in figures.items()}


def _last(values: Any) -> Any:
    return values[-1]


_SCENARIO: list[Scenario] = []


def _begin(raw: str) -> None:
    _SCENARIO[:] = [Scenario.model_validate_json(raw)]


def _begin_worker(raw: str) -> None:
    end_with_parent()
    _begin(raw)


def _work(seed: int) -> tuple[list[Row], float]:
    begun = time.process_time()
    rows = one_batch(_SCENARIO[0], seed)
    return rows, time.process_time() - begun


def monte_carlo(
    scenario: Scenario,
    out: Path,
    batches: int,
    jobs: int = 1,
    step: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Run seeds ``scenario.seed ... + batches - 1`` and write a table.

    Parameters
    ----------
    scenario : Scenario
    out : Path
        Ends in ``.parquet``.
    batches, jobs : int
        At least 1.
    step : callable
        Called with 1 whenever a batch is done.

    Raises
    ------
    ConfigError
        When the rows kept beside `out` are of another scenario or another plant.
    """
    part = out.with_name(f"{out.name}.part")
    begun, busy = time.perf_counter(), 0.0
    known = _kept(part, _head(scenario))
    seeds = [seed for seed in range(scenario.seed, scenario.seed + batches) if seed not in known]
    resumed = batches - len(seeds)
    with part.open("a", encoding="utf-8") as sink:
        if not sink.tell():
            _write(sink, _head(scenario))
        for rows, seconds in _run(scenario, seeds, jobs):
            _write(sink, rows)
            known[rows[0]["seed"]] = rows
            busy += seconds
            step(1)
    wall = time.perf_counter() - begun
    table = [row for seed in range(scenario.seed, scenario.seed + batches) for row in known[seed]]
    pq.write_table(pa.Table.from_pylist(table), out, compression="zstd")
    part.unlink()
    digest = hashlib.sha256("\n".join(json.dumps(row) for row in table).encode()).hexdigest()
    return Outcome(out, digest, batches, resumed, wall, busy, jobs)


def _run(scenario: Scenario, seeds: Sequence[int], jobs: int) -> Iterator[tuple[list[Row], float]]:
    raw = scenario.model_dump_json(by_alias=True)
    if jobs == 1 or len(seeds) < 2:
        _begin(raw)
        yield from map(_work, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin_worker, (raw,)) as pool:
        waiting: set[Future[tuple[list[Row], float]]] = set()
        left = iter(seeds)
        while True:
            while len(waiting) < jobs * (1 + AHEAD) and (seed := next(left, None)) is not None:
                waiting.add(pool.submit(_work, seed))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()


def _head(scenario: Scenario) -> Row:
    """What rows are of: the scenario and the plant's sources."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    plant = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    told = hashlib.sha256(scenario.model_dump_json(by_alias=True).encode()).hexdigest()
    return {"scenario": scenario.id, "of": told, "plant": plant}


def _kept(part: Path, head: Row) -> dict[int, list[Row]]:
    """Rows of a run that was killed; a last line that is torn is cut off."""
    if not part.exists():
        return {}
    whole, _, torn = part.read_bytes().rpartition(b"\n")
    lines = whole.splitlines()
    if torn or not lines:
        os.truncate(part, len(whole) + 1 if lines else 0)
    if lines and json.loads(lines[0]) != head:
        raise ConfigError(
            f"{part}: rows of another scenario or version of the plant; remove it, or name another --out"
        )
    return {rows[0]["seed"]: rows for rows in map(json.loads, lines[1:])}


def _write(sink: IO[str], what: Any) -> None:
    sink.write(json.dumps(what) + "\n")
    sink.flush()
    os.fsync(sink.fileno())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run many batches of a scenario and print their digest."""
    parser = argparse.ArgumentParser(prog="python -m simulators.monte_carlo", description=main.__doc__)
    parser.add_argument("scenario", help="a file, or the name of a packaged scenario")
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    path = Path(given.scenario)
    scenario = load_scenario(path if path.is_file() else packaged(given.scenario))
    if given.batches < 1 or given.jobs < 1 or given.out.suffix != ".parquet":
        raise ConfigError("--batches and --jobs are 1 or more, and --out ends in .parquet")
    told = monte_carlo(scenario, given.out, given.batches, given.jobs)
    sys.stdout.write(
        f"{told.table}: {told.batches} batches ({told.resumed} from before), sha256 {told.sha256}\n"
        f"{told.wall_s:.1f} s on {told.jobs} processes, {told.busy_s:.1f} s of processor time in batches: "
        f"{100.0 * told.efficiency:.0f} % of {told.jobs} cores\n"
    )


if __name__ == "__main__":
    main()
