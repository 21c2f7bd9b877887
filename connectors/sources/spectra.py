"""A drop folder of spectra (Raman, NIR, MIR): concentrations by a PLS model of `twin fit-spectra`.

A file holds one or many spectra: a table with ``time`` and a column for each point of the axis, or JSON
records with ``time``, ``axis``, ``intensities``. A spectrum unlike those the model was fitted on comes as
uncertain, one far from them as bad: shown, and never believed. Nothing is interpolated to another axis.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.codecs.iso_time import parse_ns
from connectors.codecs.spectra_file import ENDINGS, Record, read_spectra
from connectors.codecs.spectral_file import load_spectral
from connectors.sources.folder import Drop, FolderSource
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.domain.tag import Tag
from twin.learning.spectral import SpectralModel, axis_fault, judged, spectrum_fault
from twin.ports import Source, SourceContext


class Config(Drop):
    """A drop folder of spectra.

    Parameters
    ----------
    id : str
        Identity of the source.
    folder : Path
        Made when it is missing; one for each instrument.
    model : Path or None
        What `twin fit-spectra` wrote.
    registered : str
        In place of `model`: such a model of the registry, the approved version of a name (`raman`) or a
        pinned one (`raman@2`).
    tags : dict of str to str
        By constituent of the model, the tag its concentration goes to, such as `glucose: R101.glucose_raman`.
    every_s : float
        Time between two looks [s].
    batch : int
        Values handed over at once.
    """

    kind: Literal["spectra"] = "spectra"
    model: Path | None = None
    registered: str = ""
    tags: dict[str, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.model is None and not self.registered:
            raise ValueError("`model: FILE`, or `registered: NAME` of the registry, is needed")
        return self


def read_readings(
    path: Path, model: SpectralModel, tags: Mapping[str, str], source_id: str
) -> Iterator[Reading | Quarantined]:
    """Every spectrum of a file as one reading for each tag, or refused for each with the reason.

    Raises
    ------
    ConfigError
        When the file as a whole can not be read, or a table has another axis.
    """
    for record in read_spectra(path, ("time",)):
        fault = record.fault or axis_fault(model, record.axis)
        if fault and not record.fault and path.suffix.lower() != ".json":
            raise ConfigError(f"{path}: {fault}")
        yield from _readings(record, fault, model, tags, source_id)


def _readings(
    record: Record, fault: str, model: SpectralModel, tags: Mapping[str, str], source_id: str
) -> Iterator[Reading | Quarantined]:
    time_ns, late = _time(record.texts["time"])
    reason = "malformed_row" if fault else "bad_time" if late else ""
    if not reason and (fault := spectrum_fault(model, record.intensities)):
        reason = "not_a_spectrum"
    if reason:
        for address in tags.values():
            empty = Reading(source_id, address, None, Quality.BAD, time_ns, time_ns or 0)
            yield Quarantined(empty, reason, fault or late)
        return
    found = judged(model, record.intensities[None])
    for name, address in tags.items():
        value = float(found.values[0, model.names.index(name)])
        yield Reading(source_id, address, value, found.quality[0], time_ns, time_ns or 0)


def _time(text: str) -> tuple[int | None, str]:
    """Source time [ns since 1970-01-01 UTC], or why there is none."""
    try:
        return parse_ns(text), ""
    except ValueError as error:
        return None, str(error)


def check_tags(config: Config, model: SpectralModel, tags: Mapping[str, Tag]) -> None:
    """Refuse constituents the model has not, tags the line has not, other units, and more trust than is due.

    Raises
    ------
    ConfigError
    """
    place = f"source {config.id}"
    for name, address in config.tags.items():
        if name not in model.names:
            raise ConfigError(f"{place}: {config.model} knows {', '.join(model.names)}, not {name!r}")
        tag = tags.get(address)
        if tag is None:
            raise ConfigError(
                f"{place}: the line has no tag {address!r}; it has {', '.join(list(tags)[:8])} ..."
            )
        i = model.names.index(name)
        if tag.unit != model.units[i]:
            raise ConfigError(f"{place}: {name} is in {model.units[i]!r}, tag {address} in {tag.unit!r}")
        if tag.accuracy < 0.99 * model.sigma[i]:
            raise ConfigError(
                f"{place}: tag {address} says accuracy {tag.accuracy:g} {tag.unit}, and the model's "
                f"cross-validated error is {model.sigma[i]:.3g}; {1.01 * model.sigma[i]:.3g} would do"
            )


def open_source(config: Config, context: SourceContext) -> Source:
    """Make the source; the folder is looked into when its deliveries are asked for.

    Raises
    ------
    ConfigError
        When the model can not be read or does not fit the tags.
    """
    if config.model is None:
        raise ConfigError(
            f"source {config.id}: model {config.registered} was not taken from the registry; twin run does"
        )
    model, _ = load_spectral(config.model)
    check_tags(config, model, context.tags)
    read = partial(read_readings, model=model, tags=config.tags, source_id=config.id)
    return FolderSource(config, context, read, ENDINGS)
