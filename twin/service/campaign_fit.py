"""Whether a campaign and its line belong together: what is refused, and what is only said before it runs."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Final

from twin.domain.asset import Line, Vessel
from twin.domain.errors import ConfigError, ModelError, TwinError
from twin.domain.tag import TagKind
from twin.processes.base import Process
from twin.service.build import load_line
from twin.service.campaign import VESSEL, BaseSection, Campaign, line_path
from twin.service.line import LineFile
from twin.service.model import process_of

FOLLOWED_BY: Final = {
    "cho_fedbatch": "cho_fedbatch",
    "cho_perfusion": "cho_perfusion",
    "ecoli_fedbatch": "gas_exchange",
}
"""The twin's own model of each kind of plant; about a model of another package nothing is said."""
APART: Final = 1.5
"""Volumes that differ by more than this factor are not the same vessel (chosen default)."""


def scored_line(campaign: Campaign) -> tuple[LineFile, Line]:
    """The line of a campaign with the one vessel that is scored, checked against the campaign.

    Raises
    ------
    ConfigError
        When the line is not usable or has no vessel R101 with a model, `silent` names what is no on-line tag
        of it, or `parameters` do not do for its model.
    """
    line_file, line = load_line(line_path(campaign))
    vessel = next((v for v in line.vessels if v.id == VESSEL and v.process), None)
    if vessel is None:
        raise ConfigError(
            f"campaign {campaign.id}: line {line.id} has no vessel {VESSEL} with a process model; "
            "name a line that has, such as demo"
        )
    _check_silent(campaign, vessel)
    try:
        _process(vessel, campaign.base)
    except ModelError as error:
        raise ConfigError(f"campaign {campaign.id}: base.parameters: {error}") from error
    return line_file, replace(line, vessels=(vessel,))


def _process(vessel: Vessel, base: BaseSection) -> Process:
    return process_of(replace(vessel, parameters={**vessel.parameters, **base.parameters}))


def _check_silent(campaign: Campaign, vessel: Vessel) -> None:
    known = [tag.name for tag in vessel.tags if tag.kind is TagKind.ONLINE]
    faults = [_unknown(name, known) for name in campaign.base.silent if name not in known]
    if faults:
        raise ConfigError(
            "\n".join(
                f"campaign {campaign.id}: base.silent: {text} (line {campaign.line})" for text in faults
            )
        )


def _unknown(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.removeprefix(f"{VESSEL}."), known, 3, cutoff=0.5)
    what = f"{' or '.join(near)} would do" if near else f"one of these would do: {', '.join(known)}"
    return f"{name!r} is no on-line tag of {VESSEL}; {what}"


def misfits(campaign: Campaign) -> list[str]:
    """What tells that the line is of another vessel or culture than the campaign's plant, one sentence each.

    Raises
    ------
    ConfigError
        As `scored_line`.
    """
    _, line = scored_line(campaign)
    found = list(_differences(line.vessels[0], campaign.base))
    if not found:
        return []
    fitting = [name for name in _packaged_lines() if _fits(name, campaign)]
    advice = (
        f"line {' or '.join(fitting)} would fit" if fitting else "no packaged line fits; one of its own would"
    )
    return [f"campaign {campaign.id}: line {campaign.line}: {text}; {advice}" for text in found]


def _differences(vessel: Vessel, base: BaseSection) -> Iterator[str]:
    usual = FOLLOWED_BY[base.kind]
    if vessel.process != usual and vessel.process in FOLLOWED_BY.values():
        yield f"its model of {VESSEL} is {vessel.process}, the plant is {base.kind} and {usual} follows that"
    volume_l = _volume_l(vessel, base)
    if volume_l and not 1.0 / APART <= base.volume_l / volume_l <= APART:
        yield f"its {VESSEL} is of {volume_l:g} L, the plant has volume_l {base.volume_l:g}"


def _volume_l(vessel: Vessel, base: BaseSection) -> float | None:
    """What the model says the vessel holds, else what the line says of its batch [L]."""
    sizes = [p.value for p in _process(vessel, base).parameters if p.name == "size"]
    if sizes:
        return sizes[0]
    return vessel.batch.volume_l if vessel.batch else None


def _packaged_lines() -> list[str]:
    names = (path.name for path in (files("seeds") / "lines").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _fits(name: str, campaign: Campaign) -> bool:
    try:
        _, line = scored_line(campaign.model_copy(update={"line": name}))
    except TwinError:
        return False
    vessel = line.vessels[0]
    return vessel.process == FOLLOWED_BY[campaign.base.kind] and not [*_differences(vessel, campaign.base)]
