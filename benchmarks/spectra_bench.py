"""PLS on the Raman spectra of a yeast fermentation that chemotools carries: how right, and how fast live.

    python -m benchmarks.spectra_bench

Fitted on blocks of five HPLC samples, two of seven blocks held back; then by prepared standards alone. Speed:
one spectrum (1,047 points) from the arrays, and 200 of them from a drop file, beside scikit-learn.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from chemotools.datasets import load_fermentation_test, load_fermentation_train

from connectors.sources.spectra import read_readings
from twin.learning.spectral import SpectralModel, judged
from twin.learning.spectral_fit import Settings, Spectra, fit, pipeline

NAMES = ("glucose", "ethanol")
HELD = ("block1", "block4")
SETTINGS = Settings(950.0, 1500.0)


def fermentation() -> tuple[Spectra, np.ndarray]:
    """Five spectra about each HPLC sample, in blocks of five samples; and every spectrum with light."""
    whole, hplc = load_fermentation_test()
    values = whole.to_numpy()
    hours = np.arange(len(values)) * 1.25 / 60.0
    lit = np.ptp(values, axis=1) > 0.0
    places = [
        (k, i) for k, at in enumerate(hplc["time"]) for i in np.argsort(np.abs(hours - at), kind="stable")[:5]
    ]
    places = [(k, i) for k, i in places if lit[i]]
    reference = hplc[list(NAMES)].to_numpy()[[k for k, _ in places]]
    groups = [f"block{k // 5}" for k, _ in places]
    axis = whole.columns.to_numpy(dtype=float)
    data = Spectra(axis, values[[i for _, i in places]], reference, groups, NAMES, ("g/L", "g/L"), "cm-1")
    return data, values[lit]


def part(data: Spectra, chosen: np.ndarray) -> Spectra:
    """Those chosen (n,)."""
    groups = [g for g, here in zip(data.groups, chosen, strict=True) if here]
    return Spectra(
        data.axis,
        data.spectra[chosen],
        data.reference[chosen],
        groups,
        data.names,
        data.units,
        data.axis_unit,
    )


def told(name: str, model: SpectralModel, spectra: np.ndarray, reference: np.ndarray) -> None:
    """Print how spectra are predicted."""
    found = judged(model, spectra)
    error = found.values - reference[:, : found.values.shape[1]]
    rmsep, bias = np.sqrt((error**2).mean(axis=0)), error.mean(axis=0)
    inside = (np.abs(error) <= 1.645 * model.sigma).mean(axis=0)
    quality = Counter(q.name for q in found.quality)
    print(
        f"{name:20} RMSEP {rmsep.round(2)} bias {bias.round(2)} in the band {inside.round(2)} {dict(quality)}"
    )


def main() -> None:
    """Print the figures."""
    data, whole = fermentation()
    held = np.isin(data.groups, HELD)
    model = fit(part(data, ~held), SETTINGS)
    print(
        f"{model.about['components']} components, RMSECV {model.sigma.round(2)}, {model.about['coverage90']}"
    )
    told("blocks held back", model, data.spectra[held], data.reference[held])
    print("all of the run", dict(Counter(q.name for q in judged(model, whole).quality)))
    standards, hplc = load_fermentation_train()
    alone = Spectra(
        data.axis, standards.to_numpy(), hplc.to_numpy(), [str(i) for i in range(len(standards))],
        NAMES[:1], ("g/L",), "cm-1",
    )  # fmt: skip
    by_standards = fit(alone, SETTINGS)
    print(f"standards: {by_standards.about['components']} components, RMSECV {by_standards.sigma.round(2)}")
    told("by standards", by_standards, data.spectra, data.reference)
    speed(model, part(data, ~held), whole)


def speed(model: SpectralModel, data: Spectra, whole: np.ndarray) -> None:
    """Print times, the least of five."""
    kept = slice(model.first, model.beyond)
    theirs = pipeline(SETTINGS, int(str(model.about["components"]))).fit(
        data.spectra[:, kept], data.reference
    )
    off = np.abs(judged(model, whole).values - theirs.predict(whole[:, kept])).max()
    print(f"largest difference to scikit-learn {off:.1e} g/L")
    times = {"one": [], "theirs": [], "file": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectra.csv"
        head = ",".join(["time", *(f"{a:g}" for a in model.axis)])
        rows = [f"2026-01-01T00:{i // 60:02d}:{i % 60:02d}Z,{','.join(map(repr, r.tolist()))}" for i, r in
                enumerate(whole[:200])]  # fmt: skip
        path.write_text("\n".join([head, *rows]) + "\n")
        for _ in range(5):
            begin = time.perf_counter()
            for row in whole[:200]:
                judged(model, row[None])
            times["one"].append((time.perf_counter() - begin) / 200)
            begin = time.perf_counter()
            for row in whole[:20]:
                theirs.predict(row[None, kept])
            times["theirs"].append((time.perf_counter() - begin) / 20)
            begin = time.perf_counter()
            count = len(list(read_readings(path, model, {n: f"R.{n}" for n in NAMES}, "bench")))
            times["file"].append((time.perf_counter() - begin) / 200)
    assert count == 400
    for name, found in times.items():
        print(f"{name:8} {1e3 * min(found):.3f} ms a spectrum")


if __name__ == "__main__":
    main()
