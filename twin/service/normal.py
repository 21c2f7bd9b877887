"""The file of what was learnt from good runs: numbers and text only, with a hash over its contents."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from connectors.codecs.array_file import load_arrays, save_arrays
from twin.domain.asset import Line, Vessel
from twin.domain.errors import ConfigError
from twin.domain.event import ModelRef
from twin.monitors.normal import NormalModel
from twin.monitors.normal_watch import NormalWatch

FORMAT = 1
"""Version of the file; grows when a field changes its meaning or goes."""
LEAST_COVERED = 0.5
"""Part of a model's tags that its vessel must have (chosen default): absent tags judge nothing."""
_TEXTS = ("tags", "units", "target_names", "window_s", "threshold", "aligned_by", "about")
log = structlog.get_logger("service")


def save(model: NormalModel, sink: BinaryIO) -> str:
    """Write the model; returns its hash (SHA-256, hexadecimal)."""
    return save_arrays(_arrays(model), {name: getattr(model, name) for name in _TEXTS}, FORMAT, sink)


@cache
def load(path: Path) -> tuple[NormalModel, ModelRef]:
    """Read a model and its identity.

    Raises
    ------
    ConfigError
        When it is no such file, of another kind, of a later format, or damaged.
    """
    arrays, about, digest = load_arrays(path, FORMAT, "model of good runs", "twin learn")
    made: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in about.items()}
    try:
        model = NormalModel(**arrays, **made)
    except TypeError as error:
        raise ConfigError(f"{path}: is no model of good runs ({error}); twin learn makes one") from error
    return model, ModelRef("normal", str(FORMAT), digest[:12])


def _arrays(model: NormalModel) -> dict[str, Any]:
    return {f.name: getattr(model, f.name) for f in fields(model) if f.name not in _TEXTS}


def watches(line: Line, folder: Path, given: Path | None = None) -> Callable[[Vessel], NormalWatch | None]:
    """What gives each vessel its watch beside good runs, where the line or the caller names a model.

    Parameters
    ----------
    folder : Path
        Where relative paths of the line begin.
    given : Path or None
        A model for every vessel, in place of the line's.

    Raises
    ------
    ConfigError
        When a model can not be read, or fewer than half of its tags are on its vessel.
    """
    partly: dict[tuple[Path, str, str], list[str]] = {}
    for vessel in line.vessels:
        for path, model in _checked(vessel, folder, given):
            covered, absent = _covered(vessel, model)
            if absent:
                partly.setdefault((path, ", ".join(covered), ", ".join(absent)), []).append(vessel.id)
    for (path, has, lacks), vessels in partly.items():
        log.warning(
            "model of good runs covers a part", model=path.name, vessels=vessels, covered=has, absent=lacks
        )

    def watch_of(vessel: Vessel) -> NormalWatch | None:
        path = _path(vessel, folder, given)
        if path is None:
            return None
        model, ref = load(path)
        registered = "" if given else vessel.normal_model
        return NormalWatch(vessel, model, replace(ref, registered=registered))

    return watch_of


def _path(vessel: Vessel, folder: Path, given: Path | None) -> Path | None:
    return given or (folder / vessel.normal if vessel.normal else None)


def _checked(vessel: Vessel, folder: Path, given: Path | None) -> Iterator[tuple[Path, NormalModel]]:
    """The model of a vessel, if it has one and it does."""
    path = _path(vessel, folder, given)
    if path is None and vessel.normal_model:
        raise ConfigError(
            f"vessel {vessel.id}: model {vessel.normal_model} was not taken from the registry; "
            "`twin.service.registry.resolve.resolved` does"
        )
    if path is None:
        return
    model, _ = load(path)
    covered, absent = _covered(vessel, model)
    if len(covered) < LEAST_COVERED * len(model.tags):
        own = [tag.name for tag in vessel.tags]
        raise ConfigError(
            f"{path}: {len(covered)} of its {len(model.tags)} tags are on vessel {vessel.id} "
            f"({', '.join(covered) or 'none'}); not there: {', '.join(absent[:8])}; the vessel has "
            f"{', '.join(own[:8])}. It is of another line; one learnt from runs of such vessels would do"
        )
    units = {tag.name: tag.unit for tag in vessel.tags}
    for name, unit in zip(model.tags, model.units, strict=True):
        if units.get(name, unit) != unit:
            raise ConfigError(
                f"{path}: {name} is in {unit!r} there, in {units[name]!r} on vessel {vessel.id}"
            )
    yield path, model


def _covered(vessel: Vessel, model: NormalModel) -> tuple[list[str], list[str]]:
    """Tags of a model that are on a vessel, and those that are not."""
    own = {tag.name for tag in vessel.tags}
    return [t for t in model.tags if t in own], [t for t in model.tags if t not in own]
