"""`twin browse`: look through an unknown OPC UA server and draft a line file for an engineer to approve."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from connectors.codecs.opcua_units import ucum
from connectors.codecs.recognise import Guess, Seen, Signal, guess
from connectors.sources._opcua_browse import Found, variables
from connectors.sources._opcua_session import FAILURES, open_session
from connectors.sources.opcua import Config, session_settings
from twin.domain.errors import ConnectorError
from twin.domain.quantity import unit_is_known

SURE: Final = 0.5
"""Below this confidence a variable is listed but not put in (chosen default)."""
TAG_SET: Final = "cho_probes"
"""Names that are taken over when a variable has exactly one of them."""
EXACT: Final = 0.95
"""Confidence in such a name (chosen default)."""
COARSEST: Final = 0.01
"""Worst accuracy that is drafted, of the range [1]: as of a plain flow controller (chosen default)."""
VESSEL: Final = "R1"
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One variable with what it probably is, and the tag that would be made of it (empty: none)."""

    found: Found
    guess: Guess
    vessel: str = ""
    name: str = ""

    @property
    def tag(self) -> str:
        """Tag id."""
        return f"{self.vessel}.{self.name}" if self.name else ""


async def browse(config: Config) -> list[Proposal]:
    """Everything numeric on a server, the surest first within each vessel.

    Raises
    ------
    ConnectorError
        When there is no session to be had.
    """
    try:
        session = await open_session(session_settings(config))
        try:
            found = await variables(session)
        finally:
            await session.close()
    except FAILURES as error:
        text = str(error) or type(error).__name__
        raise ConnectorError(
            f"{config.url} can not be browsed: {text}; check address and security"
        ) from error
    return propose(found)


def propose(found: Iterable[Found]) -> list[Proposal]:
    """Guesses, with a name of its own for each variable that is likely something.

    A variable named exactly like a tag of the packaged set has its name before all others.
    """
    guessed = [(one, _named(one) or guess(_seen(one))) for one in found]
    guessed.sort(
        key=lambda row: (
            _vessel(row[0]),
            _named(row[0]) is None,
            -row[1].confidence,
            row[0].identifier,
        )
    )
    taken: Counter[str] = Counter()
    proposals = []
    for one, what in guessed:
        if what.signal is None or what.confidence < SURE:
            proposals.append(Proposal(one, what))
            continue
        name = what.signal.name + ("_sp" if what.set_point else "")
        taken[f"{_vessel(one)}.{name}"] += 1
        number = taken[f"{_vessel(one)}.{name}"]
        proposals.append(Proposal(one, what, _vessel(one), name if number == 1 else f"{name}_{number}"))
    return proposals


@cache
def _packaged() -> Mapping[str, Mapping[str, Any]]:
    """Tags of the packaged set that a server can show, by name; laboratory results come by other doors."""
    path = files("seeds") / "tags" / f"{TAG_SET}.yaml"
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["tags"]
    return {row["name"]: row for row in rows if row.get("kind") != "assay"}


def _named(one: Found) -> Guess | None:
    """What a variable is that is named exactly like a packaged tag; None when its unit says otherwise."""
    row, unit = _packaged().get(one.name), ucum(one.said)
    if row is None or not (unit is None or unit_is_known(row["quantity"], unit)):
        return None
    set_point = row.get("kind") == "setpoint"
    name = row["name"].removesuffix("_sp") if set_point else row["name"]
    likely = guess(_seen(one)).signal
    if likely is not None and likely.quantity == row["quantity"]:
        signal = replace(likely, name=name)
    else:
        numbers = (float(row["low"]), float(row["high"]), float(row["accuracy"]))
        signal = Signal(name, row["quantity"], row["unit"], *numbers, words=())
    return Guess(signal, set_point, EXACT, f"name of the tag set {TAG_SET}")


def _seen(one: Found) -> Seen:
    unit = ucum(one.said)
    return Seen(one.name, one.parents, one.description, unit, one.said.low, one.said.high)


def _vessel(one: Found) -> str:
    """The outermost folder that holds a digit, else the outermost; made an identity."""
    named = next((part for part in one.parents if any(sign.isdigit() for sign in part)), None)
    text = _PLAIN.sub("-", named or (one.parents[0] if one.parents else VESSEL)).strip("-_")
    return text[:64] or VESSEL


def draft(proposals: list[Proposal], config: Config) -> str:
    """A line file of what was recognised, each tag with its confidence and reason as a comment."""
    chosen = [p for p in proposals if p.name]
    vessels = list(dict.fromkeys(p.vessel for p in chosen))
    lines = [
        "# Drafted from what the server shows. Check every tag (ranges, accuracy, limits), then: twin check",
        "schema: 1",
        "line: draft",
        "title: {en: Draft, fr: Ébauche}",
        "vessels:",
    ]
    for vessel in vessels:
        lines += [f"  - id: {vessel}", "    tags:"]
        lines += [_tag_line(p) for p in chosen if p.vessel == vessel]
    lines.append("sources:")
    for number, namespace in enumerate(dict.fromkeys(p.found.namespace for p in chosen), start=1):
        lines += _source_lines(
            number, namespace, [p for p in chosen if p.found.namespace == namespace], config
        )
    rest = [p for p in proposals if not p.name]
    if rest:
        lines.append("# Not recognised:")
        lines += [f"#   {p.found.identifier}  {'/'.join((*p.found.parents, p.found.name))}" for p in rest]
    return "\n".join(lines) + "\n"


def _tag_line(p: Proposal) -> str:
    signal = p.guess.signal
    assert signal is not None
    unit = ucum(p.found.said)
    fits = unit is not None and unit_is_known(signal.quantity, unit)
    low, high = p.found.said.low, p.found.said.high
    accuracy = signal.accuracy
    if low is not None and high is not None and low < high:
        accuracy = _fitting(accuracy, high - low)
    else:
        low, high = signal.low, signal.high
    row: dict[str, Any] = {
        "name": p.name,
        "quantity": signal.quantity,
        "unit": unit if fits else signal.unit,
        "low": low,
        "high": high,
        "accuracy": accuracy,
    }
    if p.guess.set_point:
        row["kind"] = "setpoint"
    return f"      - {_flow(row)}  # {p.guess.confidence:.0%}: {p.guess.why}; {p.found.identifier}"


def _fitting(accuracy: float, span: float) -> float:
    """An accuracy that a range allows: that of the kind of signal, at most `COARSEST` of the span."""
    return min(accuracy, float(f"{COARSEST * span:.2g}"))


def _source_lines(number: int, namespace: str, chosen: list[Proposal], config: Config) -> list[str]:
    head: dict[str, Any] = {"kind": "opcua", "id": f"ua-{number}", "url": config.url, "namespace": namespace}
    head |= {"tags": [p.tag for p in chosen]}
    given = config.model_dump(mode="json", exclude_unset=True, exclude={"kind", "id", "url", "namespace"})
    lines = [f"  - {key}: {_flow(value)}" if i == 0 else f"    {key}: {_flow(value)}"
             for i, (key, value) in enumerate((head | given).items())]  # fmt: skip
    return [*lines, "    node_ids:", *(f"      {p.tag}: {_flow(p.found.identifier)}" for p in chosen)]


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def write(proposals: list[Proposal], config: Config, out: Path) -> None:
    """Put the draft in place; never over a file that is there.

    Raises
    ------
    ConnectorError
        When there is a file already.
    """
    try:
        with out.open("x", encoding="utf-8") as sink:
            sink.write(draft(proposals, config))
    except FileExistsError as error:
        raise ConnectorError(f"--out {out}: is there already; another name would do") from error
