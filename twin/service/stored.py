"""What a line's historian holds, as rows in the order in which they came: a run to be replayed."""

from connectors.codecs.iso_time import LATEST_NS
from twin.domain.asset import Line
from twin.domain.errors import ConfigError
from twin.domain.measurement import Measurement, Reading
from twin.service.export import open_history, parts
from twin.service.line import LineFile
from twin.service.settings import Settings


async def stored_rows(
    line_file: LineFile, line: Line, settings: Settings, start_ns: int | None, end_ns: int | None
) -> list[Reading]:
    """Every stored value of the line with start <= source time < end, by arrival, beside a service that runs.

    Raises
    ------
    ConfigError
        When nothing is stored between these times, or the store does not outlive its service.
    StorageError
        When the store can not be read.
    """
    tags = [tag.id for tag in line.tags()]
    rows: list[Reading] = []
    async with open_history(line_file, line, settings) as history:
        async for part in parts(history, tags, start_ns or 0, LATEST_NS if end_ns is None else end_ns):
            rows += map(_reading, part)
    if not rows:
        raise ConfigError(
            f"--store: nothing of line {line.id} is stored there in this time; --from and --to tell another, "
            "TWIN_DATA_DIR another place"
        )
    return sorted(rows, key=lambda r: (r.received_ns, r.time_ns or 0, r.address))


def _reading(m: Measurement) -> Reading:
    return Reading(m.source or "store", m.tag, m.value, m.quality, m.time_ns, m.received_ns)
