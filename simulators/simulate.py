"""Run a scenario as fast as it goes and write files: data, assays, truth, faults."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulators.laboratory import AssayResult
from simulators.log import LogEvent
from simulators.plant import Plant, PlantBatch
from simulators.scenario import Scenario
from twin.domain.errors import ConfigError

FILE_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When the wires open in a file, if the scenario does not say."""
CHUNK_S: Final = 24 * 3600.0

_VALUES: Final = pa.schema(
    [
        ("time", pa.timestamp("ns", tz="UTC")),
        ("tag", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.float64()),
        ("quality", pa.int16()),
    ]
)
_ASSAYS: Final = pa.schema(
    [
        ("time", pa.timestamp("ns", tz="UTC")),
        ("reported", pa.timestamp("ns", tz="UTC")),
        ("tag", pa.string()),
        ("value", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Written:
    """What `simulate` wrote."""

    values: Path
    assays: Path
    truth: Path
    faults: Path
    rows: int
    assay_rows: int


def start_ns(scenario: Scenario) -> int:
    """When the wires of a file open [ns since 1970-01-01 UTC]."""
    return round((scenario.start or FILE_START).timestamp() * 1e6) * 1000


def _times(origin: int, seconds: Any) -> Any:
    return origin + np.round(np.asarray(seconds, dtype=np.float64) * 1e6).astype(np.int64) * 1000


def _table(batch: PlantBatch, origin: int) -> pa.Table:
    empty = np.isnan(batch.value)
    quality = batch.quality.copy()
    quality[list(batch.words)] = 0  # a column of numbers holds no words: empty, with status bad
    tags = pa.DictionaryArray.from_arrays(batch.tag_index, pa.array(batch.tags))
    columns = [
        pa.array(_times(origin, batch.time_s), type=_VALUES.field("time").type),
        tags,
        pa.array(batch.value, mask=empty),
        pa.array(quality, type=pa.int16()),
    ]
    return pa.Table.from_arrays(columns, schema=_VALUES)


def _assay_table(assays: list[AssayResult], origin: int) -> pa.Table:
    when = _ASSAYS.field("time").type
    columns = [
        pa.array(_times(origin, [a.drawn_s for a in assays]), type=when),
        pa.array(_times(origin, [a.reported_s for a in assays]), type=when),
        pa.array([a.tag for a in assays], type=pa.string()),
        pa.array([a.value for a in assays], type=pa.float64()),
    ]
    return pa.Table.from_arrays(columns, schema=_ASSAYS)


def _truth_table(truth: dict[str, Any], origin: int) -> pa.Table:
    columns = {
        "time": pa.array(_times(origin, truth["time_s"]), type=pa.timestamp("ns", tz="UTC")),
        "vessel": pa.array(truth["vessel"]),
    }
    columns |= {name: pa.array(values) for name, values in truth.items() if name not in ("time_s", "vessel")}
    return pa.table(columns)


def _iso(origin: int, seconds: float) -> str:
    micros = (origin + round(seconds * 1e9)) // 1000
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat().replace("+00:00", "Z")


def _fault_list(plant: Plant, events: list[LogEvent], seed: int, origin: int) -> dict[str, Any]:
    faults = []
    for fault in plant.faults():
        row = asdict(fault)
        row["start"], row["end"] = _iso(origin, fault.start_s), _iso(origin, fault.end_s)
        faults.append(row)
    log = [
        {"time": _iso(origin, e.time_s), "vessel": e.vessel, "kind": e.kind, "text": dict(e.text), **e.data}
        for e in events
    ]
    return {"scenario": plant.scenario.id, "seed": seed, "faults": faults, "log": log}


def simulate(scenario: Scenario, out: Path, seed: int | None = None) -> Written:
    """Run the whole scenario and write ``out`` and its three companions.

    ``FILE.parquet`` holds what the wires would have carried (time, tag, value, quality),
    ``FILE.assays.parquet`` the laboratory (time = drawn, reported, tag, value), ``FILE.truth.parquet`` true
    states, ``FILE.faults.json`` declared faults and the log book. The same scenario and seed give the
    same bytes.

    Parameters
    ----------
    scenario : Scenario
    out : Path
        Ends in ``.parquet``.
    seed : int or None
        In place of the scenario's own.

    Raises
    ------
    ConfigError
        When they can not be written; then none of them is there.
    """
    try:
        with TemporaryDirectory(dir=out.parent, prefix=".simulated-") as folder:
            written = _written(scenario, Path(folder) / out.name, seed)
            values, assays, truth, faults = (
                path.replace(out.with_name(path.name))
                for path in (written.values, written.assays, written.truth, written.faults)
            )
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"{out}: can not be written ({reason}); none of the files was kept") from error
    return replace(written, values=values, assays=assays, truth=truth, faults=faults)


def _written(scenario: Scenario, out: Path, seed: int | None) -> Written:
    """The four files in a folder of their own."""
    origin = start_ns(scenario)
    plant = Plant(scenario, seed)
    assays: list[AssayResult] = []
    events: list[LogEvent] = []
    rows = 0
    end = scenario.duration_h * 3600.0
    with pq.ParquetWriter(out, _VALUES, compression="zstd") as writer:
        for stop in (*np.arange(CHUNK_S, end, CHUNK_S), end):
            batch = plant.advance(float(stop))
            writer.write_table(_table(batch, origin))
            rows += len(batch.value)
            assays.extend(batch.assays)
            events.extend(batch.events)
    written = Written(
        values=out,
        assays=out.with_suffix(".assays.parquet"),
        truth=out.with_suffix(".truth.parquet"),
        faults=out.with_suffix(".faults.json"),
        rows=rows,
        assay_rows=len(assays),
    )
    pq.write_table(_assay_table(assays, origin), written.assays, compression="zstd")
    pq.write_table(_truth_table(plant.truth(), origin), written.truth, compression="zstd")
    told = _fault_list(plant, events, scenario.seed if seed is None else seed, origin)
    written.faults.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return written
