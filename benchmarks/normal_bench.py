"""What `twin learn` finds: penicillin faults and Tennessee Eastman, by the protocol of published baselines.

    python -m benchmarks.normal_bench penicillin FOLDER --level quiet --level pensim
    python -m benchmarks.normal_bench verdicts FOLDER --level quiet
    python -m benchmarks.normal_bench tep FOLDER
    python -m benchmarks.normal_bench speed

Penicillin: models on 40 good batches, levels and threshold on 40 others, false alarms on 40 further ones;
detected is a finding that begins within 72 h of the onset; findings within 6 h count once; nothing is judged
in the first 5 h. Windows come through the same line file and reader as the command's; scores and findings
are those of the live path, all batches side by side. FOLDER holds `<level>.parquet`, `<level>_labels.csv`.

Tennessee Eastman: fitted on `d00`, every statistic in units of its spread on held-out blocks of that run.
Detection rates at the threshold at which `d00_te` has exactly 1 % of samples above, as the baselines were
made, and at the threshold of the training run alone.
"""

import argparse
import csv
import gzip
import time
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np

from twin.domain.event import ModelRef
from twin.learning import normal as learning
from twin.learning.windows import Windows
from twin.monitors.normal import NormalModel, NormalScorer, leading
from twin.monitors.normal_watch import NormalWatch
from twin.service.build import load_line
from twin.service.learn import read_runs

WINDOW_S = 720.0
WITHIN_H = 72.0


def penicillin(folder: Path, levels: list[str]) -> None:
    """Tables of misses and delays at both operating points, with and without natural excursions."""
    line_file, line = load_line(files("seeds") / "lines" / "penicillin.yaml")
    tags = {t.name: t.unit for t in line.vessels[0].tags}
    for level in levels:
        labels = {f"B{row['batch']}": row for row in csv.DictReader((folder / f"{level}_labels.csv").open())}
        runs = read_runs([folder / f"{level}.parquet"], line_file, line, tuple(tags), WINDOW_S)
        model = learning.fit(_of(runs, labels, "train"), list(tags), list(tags.values()), WINDOW_S)
        for excursions in (False, True):
            for stated in (0.1, 1.0):
                calibration = _of(runs, labels, "calib", excursions)
                made = learning.calibrated(model, calibration, stated)
                _report(level, made, runs, labels, excursions, stated)


def verdicts(folder: Path, level: str) -> None:
    """Which tag leads and who is blamed in the first finding after each onset, at 0.1 per 100 h."""
    line_file, line = load_line(files("seeds") / "lines" / "penicillin.yaml")
    tags = {t.name: t.unit for t in line.vessels[0].tags}
    labels = {f"B{row['batch']}": row for row in csv.DictReader((folder / f"{level}_labels.csv").open())}
    runs = read_runs([folder / f"{level}.parquet"], line_file, line, tuple(tags), WINDOW_S)
    model = learning.fit(_of(runs, labels, "train"), list(tags), list(tags.values()), WINDOW_S)
    model = learning.calibrated(model, _of(runs, labels, "calib"), 0.1)
    watch = NormalWatch(line.vessels[0], model, ModelRef("normal", "1", ""))
    faulty = _of(runs, labels, "fault")
    told: dict[str, Counter[str]] = {}
    begins = learning.begins(learning.scores(model, faulty), model.threshold, WINDOW_S)
    for k, begun in enumerate(begins):
        label = labels[faulty.names[k]]
        onset = float(label["onset_h"]) * 3600.0 / WINDOW_S
        first = next((w for w in begun if onset < w + 1 <= onset + WITHIN_H * 3600.0 / WINDOW_S), None)
        if first is not None:
            told.setdefault(label["fault"], Counter())[_blame(watch, faulty, k, first)] += 1
    for fault, found in told.items():
        print(f"| {fault} | " + ", ".join(f"{what} {count}" for what, count in found.most_common()) + " |")


def _blame(watch: NormalWatch, runs: Windows, run: int, last: int) -> str:
    scorer = NormalScorer(watch.model)
    for w in range(last + 1):
        score = scorer.step(runs.means[run, w], runs.scatters[run, w], w)
    lead, channel = leading(watch.model, score)
    return f"{watch.model.tags[lead]} {watch.causes(score, lead, channel)[0].verdict.value}"


def _of(runs: Windows, labels: dict[str, dict[str, str]], role: str, excursions: bool = True) -> Windows:
    return runs.pick(
        [
            name
            for name in runs.names
            if labels[name]["role"] == role and (excursions or labels[name]["natural_excursion"] == "0")
        ]
    )


def _report(
    level: str,
    model: NormalModel,
    runs: Windows,
    labels: dict[str, dict[str, str]],
    excursions: bool,
    stated: float,
) -> None:
    good, faulty = (_of(runs, labels, role, excursions) for role in ("test_normal", "fault"))
    told = learning.begins(learning.scores(model, good), model.threshold, WINDOW_S)
    hours = len(good.names) * (model.windows - learning.settled(model)) * WINDOW_S / 3600.0
    false = 100.0 * sum(map(len, told)) / hours
    by_fault: dict[str, list[float]] = {}
    for name, begun in zip(
        faulty.names,
        learning.begins(learning.scores(model, faulty), model.threshold, WINDOW_S),
        strict=True,
    ):
        by_fault.setdefault(labels[name]["fault"], []).append(_delay(begun, float(labels[name]["onset_h"])))
    delays = np.array([d for found in by_fault.values() for d in found])
    kind = "all batches" if excursions else "without excursions"
    print(
        f"| {level}, {kind} | {stated:g} | {false:.2f} | {100 * np.isnan(delays).mean():.0f} | "
        f"{np.nanmedian(delays):.1f} | "
        + ", ".join(
            f"{fault} {_median(found)}/{int(np.isnan(found).sum())} of {len(found)}"
            for fault, found in by_fault.items()
        )
        + " |",
        flush=True,
    )


def _median(delays: list[float]) -> str:
    return "-" if np.isnan(delays).all() else f"{np.nanmedian(delays):.1f}"


def _delay(begun: list[int], onset_h: float) -> float:
    """Hours from the onset to the end of the window of the first finding after it; NaN when missed."""
    ends = [(w + 1) * WINDOW_S / 3600.0 for w in begun]
    return next((e - onset_h for e in ends if onset_h < e <= onset_h + WITHIN_H), float("nan"))


def tep(folder: Path) -> None:
    """Detection rate by fault at 1 % false alarms on the normal test run, and at limits of training."""
    train = _tep(folder / "d00.dat.gz")
    train = train.T if train.shape[0] == 52 else train
    tags = [f"x{k}" for k in range(train.shape[1])]
    model = learning.fit_steady(train, tags, ["1"] * len(tags), 180.0, TEP_TAUS_H)
    score = {name: np.abs(_tep_z(model, rows)).max((1, 2)) for name, rows in _tep_runs(folder)}
    own = np.abs(_tep_z(model, train)[SETTLED:]).max((1, 2))
    kept, plant = float(np.quantile(score["d00"], 0.99)), float(np.quantile(own, 0.99))
    print(f"| false alarms on d00_te | {_above(score['d00'], kept)} | {_above(score['d00'], plant)} |")
    rates = np.array([[float((score[f"d{k:02d}"][160:] > at).mean()) * 100 for at in (kept, plant)]
                      for k in range(1, 22)])  # fmt: skip
    for k, (a, b) in enumerate(rates, start=1):
        print(f"| {k} | {a:.1f} | {b:.1f} |")
    seen = [k for k in range(21) if k + 1 not in (3, 9, 15)]
    print(f"| mean (21) | {rates[:, 0].mean():.1f} | {rates[:, 1].mean():.1f} |")
    print(f"| mean without 3, 9, 15 | {rates[seen, 0].mean():.1f} | {rates[seen, 1].mean():.1f} |")


TEP_TAUS_H = (0.15, 0.5, 1.5, 5.0)
"""The same steps as for batches, for a process whose run is 25 h."""
SETTLED = 20


def _above(score: np.ndarray, threshold: float) -> str:
    return f"{100 * float((score > threshold).mean()):.1f}"


def _tep_runs(folder: Path) -> list[tuple[str, np.ndarray]]:
    return [(f"d{k:02d}", _tep(folder / f"d{k:02d}_te.dat.gz")) for k in range(22)]


def _tep(path: Path) -> np.ndarray:
    with gzip.open(path, "rt") as file:
        return np.loadtxt(file)


def _tep_z(model: NormalModel, rows: np.ndarray) -> np.ndarray:
    """Every statistic of every sample (t, channels without scatter, n), from a start at the mean."""
    scorer = NormalScorer(model)
    nothing = np.full(rows.shape[1], np.nan)
    scorer.step(model.mean[0], nothing, 0)
    return np.stack([scorer.step(row, nothing, 0).z[:-3] for row in rows])


def speed() -> None:
    """Learning from 100 batches of 14 days and scoring of a live vector, beside scikit-learn: CPU time."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(1)
    n, window_s = 17, 720.0
    minutes = 14 * 24 * 60
    raw = rng.standard_normal((100, minutes, n)).cumsum(1) * 0.02 + rng.standard_normal((100, minutes, n))
    begin = time.process_time()
    cut = raw.reshape(100, -1, 12, n)
    runs = Windows(tuple(map(str, range(100))), cut.mean(2), (np.diff(cut, axis=2) ** 2).mean(2))
    model = learning.learn(
        runs.pick(runs.names[::2]), runs.pick(runs.names[1::2]), [f"x{k}" for k in range(n)], ["1"] * n,
        window_s, 0.1,
    )  # fmt: skip
    ours = time.process_time() - begin
    features = learning.bands(runs.means[::2], window_s, learning.TAUS_H)
    per_node = model.windows // (int(model.node.max()) + 1)
    rows = features[:, 10 * per_node : 17 * per_node].reshape(-1, features.shape[2])
    own = np.arange(rows.shape[1]) % n == 0
    begin = time.process_time()
    Ridge(alpha=0.1).fit(rows[:, ~own], rows[:, own])
    one_fit = time.process_time() - begin
    fits = n * (int(model.node.max()) + 2) * learning.FOLDS * len(learning.RIDGES)
    print(
        f"learning, 100 batches of 14 days, {n} tags, a value a minute: {ours:.1f} s; one of {fits} "
        f"regressions by scikit-learn's Ridge {one_fit * 1e3:.1f} ms, all {one_fit * fits:.0f} s"
    )
    pca = PCA(12).fit(rows)
    scorer = NormalScorer(model)
    us = _per_call(lambda k: scorer.step(runs.means[0, k], runs.scatters[0, k], k), model.windows)
    theirs = _per_call(lambda k: pca.transform(rows[k : k + 1]), model.windows)
    print(f"live vector: {us:.1f} us for {model.unit.size + 2} statistics; scikit-learn's PCA.transform of "
          f"the band vector alone {theirs:.1f} us")  # fmt: skip


def _per_call(call: Callable[[int], object], count: int) -> float:
    best = np.inf
    for _ in range(5):
        begin = time.process_time()
        for k in range(count):
            call(k)
        best = min(best, time.process_time() - begin)
    return best / count * 1e6


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("penicillin", "verdicts", "tep", "speed"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--level", action="append", default=None)
    asked = parser.parse_args()
    if asked.what == "speed":
        speed()
    elif asked.folder is None:
        parser.error(f"{asked.what}: the folder of the data is needed")
    elif asked.what == "verdicts":
        verdicts(asked.folder, (asked.level or ["quiet"])[0])
    elif asked.what == "tep":
        tep(asked.folder)
    else:
        penicillin(asked.folder, asked.level or ["quiet", "pensim"])


if __name__ == "__main__":
    main()
