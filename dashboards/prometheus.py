"""The counters in the Prometheus text format."""

from collections.abc import Iterable, Iterator

from twin.domain.alarm import Alarm, AlarmState
from twin.ports import Counters, LinkState

ASIDE = frozenset({AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE})
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(counters: Counters, links: Iterable[LinkState], alarms: Iterable[Alarm], viewers: int) -> str:
    """Metrics of the service as text; names end in what they count, labels are few."""
    links = list(links)
    parts = (
        _family("twin_ingest_received_total", "counter", "Samples received.", [("", counters.received)]),
        _family(
            "twin_ingest_samples_total", "counter", "Samples by what became of them.", _outcomes(counters)
        ),
        _family("twin_ingest_pending", "gauge", "Samples not yet settled.", [("", counters.pending)]),
        _family(
            "twin_ingest_conserved", "gauge", "1 while no sample is unaccounted for.", [("", counters.holds)]
        ),
        _family("twin_link_up", "gauge", "1 while the source is connected.", _links(links, "up")),
        _family("twin_link_received_total", "counter", "Samples by source.", _links(links, "received")),
        _family("twin_link_gaps_total", "counter", "Known gaps by source.", _links(links, "gaps")),
        _family(
            "twin_link_clock_skew_seconds", "gauge", "How far the source's clock is behind.", _skews(links)
        ),
        _family("twin_alarm_active", "gauge", "Alarms by priority.", _priorities(alarms)),
        _family("twin_sse_clients", "gauge", "Open live streams.", [("", viewers)]),
    )
    return "".join(line for part in parts for line in part)


def _family(name: str, kind: str, text: str, rows: Iterable[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in rows:
        yield f"{name}{labels} {value:g}\n" if isinstance(value, float) else f"{name}{labels} {int(value)}\n"


def _labels(**labels: str) -> str:
    inner = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{inner}}}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _outcomes(counters: Counters) -> Iterator[tuple[str, float]]:
    yield _labels(outcome="stored", reason=""), counters.stored
    yield _labels(outcome="duplicate", reason=""), counters.duplicate
    for outcome in ("quarantined", "rejected"):
        for reason, count in sorted(getattr(counters, outcome).items()):
            yield _labels(outcome=outcome, reason=reason), count


def _links(links: Iterable[LinkState], field: str) -> Iterator[tuple[str, float]]:
    for link in links:
        yield _labels(source=link.source), int(getattr(link, field))


def _skews(links: Iterable[LinkState]) -> Iterator[tuple[str, float]]:
    for link in links:
        if link.skew_s is not None:
            yield _labels(source=link.source), float(link.skew_s)


def _priorities(alarms: Iterable[Alarm]) -> Iterator[tuple[str, float]]:
    priorities = [alarm.priority.value for alarm in alarms if alarm.state not in ASIDE]
    for priority in ("critical", "high", "medium", "low"):
        yield _labels(priority=priority), priorities.count(priority)
