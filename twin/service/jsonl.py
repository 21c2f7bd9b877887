"""EVENTS.jsonl and FORECASTS.jsonl: one JSON object a line, schema 1 (docs/reference/events.md)."""

from typing import Any

import orjson

from dashboards import payloads
from twin.domain.event import Cause, Event
from twin.domain.forecast import Forecast
from twin.domain.instant import iso

SCHEMA = 1


def event_line(event: Event) -> bytes:
    """One line with its line feed."""
    return orjson.dumps(event_document(event), option=orjson.OPT_APPEND_NEWLINE)


def forecast_line(forecast: Forecast) -> bytes:
    """One line with its line feed: the same words as the interface's."""
    document = {"schema": SCHEMA, **payloads.forecast(forecast, whole=True)}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def event_document(event: Event) -> dict[str, Any]:
    """The event in the words of the schema."""
    return {
        "schema": SCHEMA,
        "t": iso(event.t),
        "kind": event.kind.value,
        "stage": event.stage.value,
        "asset": event.asset,
        "tag": event.tag,
        "verdict": event.verdict.value if event.verdict else None,
        "since": iso(event.since) if event.since is not None else None,
        "size": _rounded(event.size),
        "unit": event.unit,
        "confidence": _rounded(event.confidence),
        "causes": [_cause(cause) for cause in event.causes],
        "evidence": list(event.evidence),
        "condition": event.condition,
        "model": _model(event),
        "detail": {k: _rounded(v) if isinstance(v, float) else v for k, v in event.detail.items()},
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "verdict": cause.verdict.value,
        "asset": cause.asset,
        "tag": cause.tag,
        "probability": _rounded(cause.probability),
    }


def _model(event: Event) -> dict[str, str] | None:
    model = event.model
    if model is None:
        return None
    found = {"id": model.id, "version": model.version, "parameters": model.parameters}
    return found | ({"registered": model.registered} if model.registered else {})


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
