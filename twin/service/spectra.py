"""``twin fit-spectra``: spectra and reference values from files to a PLS model, and how good it is."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from connectors.codecs.spectra_file import read_spectra
from connectors.codecs.spectral_file import save_spectral
from connectors.codecs.tables import header, read_sheet
from twin.domain.errors import ConfigError, InputError
from twin.learning.spectral import SpectralModel, judged
from twin.learning.spectral_fit import Settings, Spectra, fit
from twin.learning.spectral_shuffled import Shuffled, shuffled
from twin.service.learn import sha256_of
from twin.service.output import whole_file
from twin.service.replay import check_files
from twin.service.sensors import BAND
from twin.service.terminal import progress

MAKERS: Final = ("bioline-twin", "scikit-learn", "chemotools")
"""Whose versions are kept with the model."""

__all__ = ["Asked", "Settings", "limits", "run", "show"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for.

    Parameters
    ----------
    spectra, reference : Path
    constituents : tuple of str
        Each ``name=unit``.
    axis_unit : str
    hold_back : frozenset of str
        Groups that are only predicted.
    shuffles : int
        How often the fit is done again with shuffled references.
    anyway : bool
        Write a model too that is no better than with shuffled references.
    """

    spectra: Path
    reference: Path
    constituents: tuple[str, ...]
    axis_unit: str
    hold_back: frozenset[str]
    shuffles: int = 20
    anyway: bool = False


def run(asked: Asked, settings: Settings, out: Path) -> SpectralModel:
    """Read, fit, predict what was held back, and write.

    Raises
    ------
    ConfigError
        When files, names or groups do not do.
    InputError
        When nothing can be fitted to what they hold, or a fit to shuffled references is as good.
    """
    check_files([asked.spectra, asked.reference])
    whole, left = read(asked)
    missing = asked.hold_back - set(whole.groups)
    if missing:
        raise ConfigError(
            f"--hold-back {', '.join(sorted(missing))}: no such group; there are "
            f"{', '.join(sorted(set(whole.groups))[:12])}"
        )
    held = np.array([group in asked.hold_back for group in whole.groups])
    fitted = _part(whole, ~held)
    model = fit(fitted, settings)
    with progress("shuffled fits", asked.shuffles) as step:
        chance = shuffled(fitted, settings, model.sigma, asked.shuffles, step)
    if not asked.anyway:
        _check_better(model, chance)
    about = {
        **model.about,
        "shuffled": chance.told(),
        "left_out": left,
        "settings": {k: v for k, v in asdict(settings).items() if v not in (-np.inf, np.inf)},
        "made_by": ", ".join(f"{p} {version(p)}" for p in MAKERS),
        "files": [{"name": p.name, "sha256": sha256_of(p)} for p in (asked.spectra, asked.reference)],
        "held_back": _judged(model, _part(whole, held)) if held.any() else None,
    }
    model = replace(model, about=about)
    with whole_file(out) as sink:
        save_spectral(model, sink)
    return model


def _check_better(model: SpectralModel, chance: Shuffled) -> None:
    """Refuse a model whose errors chance gives as well."""
    least = chance.errors.min(axis=0)
    rows = zip(model.names, model.units, chance.own, least, chance.p, chance.better, strict=True)
    told = [
        f"{name}: RMSECV {own:.3g} {unit}, with shuffled references {low:.3g} {unit} at best (p = {p:.2g})"
        for name, unit, own, low, p, better in rows
        if not better
    ]
    if told:
        raise InputError(
            f"fit-spectra: no better than chance: {'; '.join(told)}. Check that samples and references "
            "belong together, give more runs, or leave the constituent out; with --anyway it is written"
        )


def _judged(model: SpectralModel, held: Spectra) -> dict[str, object]:
    """How the groups that were held back are predicted."""
    found = judged(model, held.spectra)
    error = found.values - held.reference
    return {
        "groups": sorted(set(held.groups)),
        "spectra": len(error),
        "rmsep": np.sqrt((error**2).mean(axis=0)).tolist(),
        "bias": error.mean(axis=0).tolist(),
        "coverage90": (np.abs(error) <= BAND * model.sigma).mean(axis=0).tolist(),
        "quality": {q.name.lower(): n for q, n in sorted(Counter(found.quality).items(), reverse=True)},
    }


def read(asked: Asked) -> tuple[Spectra, dict[str, int]]:
    """Spectra that have a reference, and how many were left out by reason.

    Raises
    ------
    ConfigError
        When a column is missing, a number is none, a sample is there twice, or the spectra differ in axis.
    """
    pairs = [part.partition("=") for part in asked.constituents]
    if not pairs or not all(name and unit for name, _, unit in pairs):
        raise ConfigError("--constituent: one or more such as glucose=g/L are needed")
    names, units = tuple(p[0] for p in pairs), tuple(p[2] for p in pairs)
    known = _references(asked.reference, names)
    rows, values, groups, samples, left = [], [], [], list[str](), Counter[str]()
    axis: Any = None
    for record in read_spectra(asked.spectra, ("sample",)):
        axis = record.axis if axis is None else axis
        fault = record.fault or (record.axis.shape != axis.shape and "another axis than the first")
        if fault:
            raise ConfigError(f"{asked.spectra}: sample {record.texts['sample']!r}: {fault}")
        reason = _unfit(record.intensities) or ("" if record.texts["sample"] in known else "no reference")
        left[reason] += bool(reason)
        if not reason:
            group, value = known[record.texts["sample"]]
            rows.append(record.intensities)
            samples.append(record.texts["sample"])
            groups.append(group)
            values.append(value)
    if not rows:
        raise ConfigError(f"{asked.spectra}: no spectrum has a `sample` that {asked.reference.name} has too")
    spectra = Spectra(axis, np.array(rows), np.array(values), groups, names, units, asked.axis_unit, samples)
    return spectra, {reason: n for reason, n in left.items() if n}


def _unfit(intensities: Any) -> str:
    if not np.isfinite(intensities).all():
        return "not finite"
    return "flat" if np.ptp(intensities) == 0.0 else ""


def _references(path: Path, names: tuple[str, ...]) -> dict[str, tuple[str, list[float]]]:
    """Group and values by sample."""
    wanted = ("sample", "group", *names)
    missing = [name for name in wanted if name not in header(path, ",")]
    if missing:
        raise ConfigError(
            f"{path}: column {', '.join(missing)} is missing; `sample`, `group` (the run or batch, left "
            f"out as a whole in cross-validation) and {', '.join(names)} are needed"
        )
    sheet = read_sheet(path, wanted, ",")
    if sheet.malformed:
        raise ConfigError(f"{path}: {sheet.malformed[0][0]}: {sheet.malformed[0][1]}")
    found: dict[str, tuple[str, list[float]]] = {}
    for sample, group, *cells in zip(*(sheet.table[name].to_pylist() for name in wanted), strict=True):
        try:
            values = [float(cell) for cell in cells]
        except (TypeError, ValueError):
            values = [np.nan]
        if not np.isfinite(values).all():
            raise ConfigError(f"{path}: sample {sample}: {cells} came; finite numbers would do")
        if str(sample) in found:
            raise ConfigError(f"{path}: sample {sample} is there twice")
        found[str(sample)] = (str(group), values)
    return found


def _part(whole: Spectra, chosen: Any) -> Spectra:
    groups, samples = (
        [each for each, here in zip(of, chosen, strict=True) if here] for of in (whole.groups, whole.samples)
    )
    return replace(
        whole,
        spectra=whole.spectra[chosen],
        reference=whole.reference[chosen],
        groups=groups,
        samples=samples,
    )


def limits(text: str) -> tuple[float, float]:
    """The two ends of ``low:high``; infinite where nothing stands.

    Raises
    ------
    ConfigError
        When it is no range.
    """
    low, colon, high = text.partition(":")
    try:
        found = float(low) if low else -np.inf, float(high) if high else np.inf
    except ValueError:
        found = (1.0, 0.0)
    if (text and not colon) or not found[0] < found[1]:
        raise ConfigError(f"--range {text!r}: two numbers such as 950:1500 would do, the smaller first")
    return found


def show(model: SpectralModel, console: Console) -> None:
    """What was fitted, in figures."""
    about: dict[str, Any] = dict(model.about)
    held = about["held_back"]
    figures = ("bias", "in the 90 % band")
    chance = about["shuffled"]
    table = Table("constituent", "RMSECV", *figures, "shuffled", "p", "RMSEP", *figures, box=None)
    for i, (name, unit) in enumerate(zip(model.names, model.units, strict=True)):
        cells = _figures(i, about["rmsecv"], about["bias"], about["coverage90"])
        cells += [f"{chance['rmsecv_least'][i]:.3g}", f"{chance['p'][i]:.2g}"]
        cells += _figures(i, held["rmsep"], held["bias"], held["coverage90"]) if held else []
        table.add_row(f"{name} [{unit}]", *cells)
    counts = f"{about['spectra']} spectra of {len(about['groups'])} groups"
    table.title = f"{about['components']} components; {counts}"
    if held:
        quality = ", ".join(f"{n} {q}" for q, n in held["quality"].items())
        table.caption = f"RMSEP of {held['spectra']} spectra of groups held back: {quality}"
    console.print(table)
    console.print(
        f"shuffled: least RMSECV of {chance['times']} fits to shuffled references (y-randomisation); p: part "
        "of all fits that are as good as this one",
        soft_wrap=True,
    )
    for name, better in zip(model.names, chance["better"], strict=True):
        if not better:
            console.print(
                f"{name}: NO BETTER THAN CHANCE; its concentrations say nothing", style="bold", soft_wrap=True
            )
    for reason, count in about["left_out"].items():
        console.print(f"{count} spectra left out: {reason}")


def _figures(i: int, error: list[float], bias: list[float], within: list[float]) -> list[str]:
    return [f"{error[i]:.3g}", f"{bias[i]:+.2g}", f"{100 * within[i]:.0f} %"]
