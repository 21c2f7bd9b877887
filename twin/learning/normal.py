"""Learn what good runs look like: from windows of many batches to a `NormalModel`.

The regressions are ridge regressions of each tag's bands on the bands of all others. They are solved from
second moments that are gathered once, because the same moments serve every tag, every age and every fold
(scikit-learn would read the data anew for each of several thousand fits; it is the oracle in the tests).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twin.domain.errors import ConfigError
from twin.learning.windows import (
    Windows,
    course_of,
    filled,
    matured,
    mean_of,
    quantiles_of,
    smooth,
    variance_of,
)
from twin.monitors.normal import (
    NOISE_TAUS_H,
    SETTLE_H,
    Array,
    NormalModel,
    NormalScorer,
    maturity_of,
)
from twin.monitors.normal_standing import LEAVE, Standing

TAUS_H = (1.0, 4.0, 16.0, 64.0)
"""Time constants of the EWMA charts [h] (chosen default: an hour to days, four times each)."""
CHANGES = ((0, 1), (1, 2), (1, 3), (2, 3), (2, 4))
"""Judged changes of a tag: between which two time constants (0 is the window itself)."""
LEVELS = (2, 3)
"""Judged levels of a tag: from which time constant on."""
NODE_H = 4.0
"""Distance of two nodes of age [h] (chosen default)."""
REACH = 3
"""Nodes to each side whose windows count at a node."""
FOLDS = 4
RIDGES = (0.01, 0.1, 1.0)
"""Ridge parameters to choose from by cross-validation over runs, for moments of unit spread."""
COMPONENTS = 12
"""Principal components of the band vector (chosen default)."""
REACHED_BY = 0.05
"""A statistic's unit is the level that all but this part of the calibration runs stay below."""
CROSSED = 8
"""Parts of the calibration runs that are judged with the units of the others."""


def learn(
    train: Windows,
    calibration: Windows,
    tags: Sequence[str],
    units: Sequence[str],
    window_s: float,
    false_alarms: float,
    align: str = "",
) -> NormalModel:
    """Fit on `train`, set levels and threshold on `calibration`.

    Parameters
    ----------
    align : str
        Tag whose progress tells maturity; empty: batches are aligned by their age.
    false_alarms : float
        Stated rate of findings on good runs [per 100 h], findings within 6 h counted once.

    Raises
    ------
    ConfigError
        When there are too few runs.
    """
    if len(train.names) < FOLDS or len(calibration.names) < 2:
        raise ConfigError(
            f"learn: {len(train.names)} runs to fit and {len(calibration.names)} to calibrate came; "
            f"{FOLDS} and 2 are the least; 20 of each would do"
        )
    if align:
        course = course_of(train, list(tags).index(align), window_s)
        model = fit(matured(train, list(tags).index(align), course, window_s), tags, units, window_s)
        model = replace(model, aligned_by=align, maturity=course)
    else:
        model = fit(train, tags, units, window_s)
    return calibrated(model, calibration, false_alarms)


def fit(train: Windows, tags: Sequence[str], units: Sequence[str], window_s: float) -> NormalModel:
    """Everything but levels and threshold."""
    mean = filled(mean_of(train.means))
    deviation = train.means - mean
    scale = np.sqrt(mean_of(deviation.reshape(-1, deviation.shape[2]) ** 2))
    scale = np.where(scale > 0, scale, 1.0)
    low, high = quantiles_of(train.means, (0.05, 0.95))
    roots = np.cbrt(train.scatters)
    noise_mean = filled(mean_of(roots))
    noise_sd = _floored(np.sqrt(smooth(filled(variance_of(roots)), 25)))
    features = bands(deviation / scale, window_s, TAUS_H)
    per_node = max(1, round(NODE_H * 3600 / window_s))
    node = np.minimum(np.arange(len(mean)) // per_node, max(0, len(mean) // per_node - 1))
    parts = _Parts(mean, low, high, scale, noise_mean, noise_sd, node)
    return assembled(parts, [features[k::FOLDS] for k in range(FOLDS)], tags, units, window_s, TAUS_H)


def fit_steady(
    rows: Array, tags: Sequence[str], units: Sequence[str], window_s: float, taus_h: Sequence[float]
) -> NormalModel:
    """The same for a continuous process: one long run (t, n), all of whose ages are alike; no levels yet."""
    mean, scale = rows.mean(0), rows.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    low, high = np.quantile(rows, (0.05, 0.95), axis=0)
    began = np.concatenate((np.zeros((1, rows.shape[1])), (rows - mean) / scale))
    features = bands(began[None], window_s, taus_h)[:, 1:]
    blocks = list(np.array_split(features, FOLDS, axis=1))
    one = np.zeros(1, dtype=np.int64)
    parts = _Parts(mean[None], low[None], high[None], scale, 0 * mean[None], 0 * mean[None] + 1.0, one)
    return assembled(parts, blocks, tags, units, window_s, taus_h)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is known of the golden batch before the statistics."""

    mean: Array
    low: Array
    high: Array
    scale: Array
    noise_mean: Array
    noise_sd: Array
    node: NDArray[np.int64]


def targets_of(taus_h: Sequence[float]) -> dict[str, list[float]]:
    """Judged quantities of a tag as sums of its bands, by name."""
    ends, count = (0.0, *taus_h), len(taus_h) + 1
    found = {
        f"{ends[a]:g}-{ends[b]:g} h": [float(a <= k < b) for k in range(count)]
        for a, b in CHANGES
        if b < count
    }
    return found | {f"from {ends[a]:g} h": [float(k >= a) for k in range(count)] for a in LEVELS}


def assembled(
    parts: _Parts,
    folds: Sequence[Array],
    tags: Sequence[str],
    units: Sequence[str],
    window_s: float,
    taus_h: Sequence[float],
) -> NormalModel:
    """The model of band vectors (runs, t, p) in folds; units and threshold are still 1."""
    moments, counts = gather(folds, parts.node)
    named = targets_of(taus_h)
    targets, n = np.array(list(named.values())), len(tags)
    local, local_sd, everywhere, everywhere_sd = regressions(moments, counts, targets, n)
    about = near(moments.sum(0)) / near(counts.sum(0))[:, None, None]
    picked = np.kron(targets, np.eye(n))
    marginal = np.einsum("rp,gpk,rk->gr", picked, about, picked, optimize=True)
    feature_sd, loadings, eigenvalues = components(about)
    return NormalModel(
        tags=tuple(tags), units=tuple(units), window_s=window_s, taus_h=np.array(taus_h),
        targets=targets, target_names=tuple(named),
        mean=parts.mean, low=filled(parts.low), high=filled(parts.high), scale=parts.scale,
        noise_mean=parts.noise_mean, noise_sd=parts.noise_sd, noise_unit=np.ones((len(NOISE_TAUS_H), n)),
        node=parts.node, local=local, local_sd=local_sd, everywhere=everywhere,
        everywhere_sd=everywhere_sd, marginal_sd=_floored(np.sqrt(marginal)),
        feature_sd=feature_sd, loadings=loadings, eigenvalues=eigenvalues,
        unit=np.ones((3 * len(targets) + len(NOISE_TAUS_H), n)), fit_unit=np.ones(2), threshold=1.0,
    )  # fmt: skip


def bands(deviation: Array, window_s: float, taus_h: Sequence[float]) -> Array:
    """(runs, t, p) band vectors of scaled deviations, as `NormalScorer` makes them."""
    hours = window_s / 3600.0
    gain = (1.0 - np.exp(-hours / np.array(taus_h)))[:, None]
    runs, t, n = deviation.shape
    out = np.empty((runs, t, len(taus_h) + 1, n))
    ewma = np.zeros((runs, len(taus_h), n))
    for w in range(t):
        now = np.where(np.isnan(deviation[:, w]), ewma[:, 0], deviation[:, w])
        ewma = now[:, None] + np.zeros_like(ewma) if w == 0 else ewma + gain * (now[:, None] - ewma)
        out[:, w, 0] = now - ewma[:, 0]
        out[:, w, 1:-1] = ewma[:, :-1] - ewma[:, 1:]
        out[:, w, -1] = ewma[:, -1]
    return out.reshape(runs, t, -1)


def gather(folds: Sequence[Array], node: NDArray[np.int64]) -> tuple[Array, Array]:
    """Second moments (folds, g, p, p) of band vectors by fold and node of age, and counts.

    Where all ages are alike (one node), every window of a fold belongs to it.
    """
    nodes, p = int(node.max()) + 1, folds[0].shape[2]
    moments, counts = np.zeros((len(folds), nodes, p, p)), np.zeros((len(folds), nodes))
    for k, fold in enumerate(folds):
        for g in range(nodes):
            rows = (fold[:, node == g] if nodes > 1 else fold).reshape(-1, p)
            moments[k, g], counts[k, g] = rows.T @ rows, len(rows)
    return moments, counts


def near(by_node: Array) -> Array:
    """Each node with its `REACH` neighbours to either side added."""
    total = np.concatenate((np.zeros_like(by_node[:1]), by_node.cumsum(0)))
    at = np.arange(len(by_node))
    first, last = np.maximum(at - REACH, 0), np.minimum(at + REACH + 1, len(by_node))
    summed: Array = total[last] - total[first]
    return summed


def regressions(moments: Array, counts: Array, targets: Array, n: int) -> tuple[Array, Array, Array, Array]:
    """Residual rows: local (g, q n, p) in their spread (g, q n), global (q n, p) and its spread (g, q n).

    Spreads are those of held-out runs, so that a fit that follows its own runs too closely is not
    taken for a good one.
    """
    local_m = np.stack([near(m) for m in moments])
    local_c = np.stack([near(c) for c in counts])
    nodes, p, q = moments.shape[1], moments.shape[2], len(targets)
    local, local_sd = np.zeros((nodes, q, n, p)), np.zeros((nodes, q, n))
    everywhere, everywhere_sd = np.zeros((q, n, p)), np.zeros((nodes, q, n))
    all_m, all_c = moments.sum(1, keepdims=True), counts.sum(1, keepdims=True)
    for i in range(n):
        local[:, :, i], local_sd[:, :, i] = _regress(local_m, local_c, local_m, local_c, targets, n, i)
        rows, everywhere_sd[:, :, i] = _regress(all_m, all_c, local_m, local_c, targets, n, i)
        everywhere[:, i] = rows[0]
    local_sd, everywhere_sd = _floored(local_sd), _floored(everywhere_sd)
    rows = (local / local_sd[..., None]).reshape(nodes, q * n, p)
    spreads = local_sd.reshape(nodes, q * n), everywhere_sd.reshape(nodes, q * n)
    return rows, spreads[0], everywhere.reshape(q * n, p), spreads[1]


def _regress(
    moments: Array, counts: Array, judged: Array, judged_counts: Array, targets: Array, n: int, i: int
) -> tuple[Array, Array]:
    """Rows (g, q, p) of one tag and the spread (judged nodes, q) of their residuals on held-out runs."""
    p = moments.shape[-1]
    own, rest = np.flatnonzero(np.arange(p) % n == i), np.flatnonzero(np.arange(p) % n != i)
    total, count = moments.sum(0), counts.sum(0)
    errors = np.zeros((len(RIDGES), judged.shape[1], len(targets)))
    for k in range(len(moments)):
        kept = (total - moments[k]) / (count - counts[k])[:, None, None]
        for r, ridge in enumerate(RIDGES):
            rows = _rows(kept, targets, own, rest, ridge)
            errors[r] += np.maximum(((rows @ judged[k]) * rows).sum(-1), 0.0)
    mean_square = errors / judged_counts.sum(0)[:, None]
    best = mean_square.mean(1).argmin(0)
    rows = np.empty((len(total), len(targets), p))
    for r in set(best.tolist()):
        found = _rows(total / count[:, None, None], targets, own, rest, RIDGES[r])
        rows[:, best == r] = found[:, best == r]
    return rows, np.sqrt(mean_square[best, :, np.arange(len(targets))].T)


def _rows(
    moment: Array, targets: Array, own: NDArray[np.int64], rest: NDArray[np.int64], ridge: float
) -> Array:
    """Rows (g, q, p) that give target minus its ridge prediction from the other tags' bands."""
    spread = np.sqrt(np.einsum("gpp->gp", moment)[:, rest]) + 1e-9
    inner = moment[:, rest[:, None], rest] / (spread[:, :, None] * spread[:, None, :])
    inner[:, np.arange(len(rest)), np.arange(len(rest))] += ridge
    outer = (moment[:, rest[:, None], own] @ targets.T) / spread[:, :, None]
    weights = np.linalg.solve(inner, outer) / spread[:, :, None]
    rows = np.zeros((len(moment), len(targets), moment.shape[-1]))
    rows[:, :, own] = targets
    rows[:, :, rest] = -weights.transpose(0, 2, 1)
    return rows


def components(moment: Array) -> tuple[Array, Array, Array]:
    """Spreads (g, p), loadings (g, p, a) and variances (g, a) of the leading principal components."""
    sd = np.sqrt(np.einsum("gpp->gp", moment)) + 1e-9
    values, vectors = np.linalg.eigh(moment / (sd[:, :, None] * sd[:, None, :]))
    kept = min(COMPONENTS, moment.shape[-1] - 1)
    return sd, vectors[:, :, : -kept - 1 : -1].copy(), np.maximum(values[:, : -kept - 1 : -1], 1e-9)


def calibrated(model: NormalModel, runs: Windows, false_alarms: float) -> NormalModel:
    """The model with units and threshold from runs that were not used for fitting.

    The threshold is found on each part of the runs with the units of the other parts: a unit that is made
    of the largest values of the same runs would hide their exceedances. Hours are those of windows in which
    a run has a value; runs on one grid of ages need not be equally long.

    Raises
    ------
    ConfigError
        When no run has a value in any window that is judged.
    """
    settle = settled(model)
    z, fits = statistics(model, runs)
    size, fits = np.abs(z[settle:]), fits[settle:]
    parts = np.arange(len(runs.names)) % min(CROSSED, len(runs.names))
    held = np.empty((*size.shape[:2], size.shape[-1] + 2))
    for part in np.unique(parts):
        inside = parts == part
        held[:, inside] = _held(size[:, inside], fits[:, inside], *_units(size[:, ~inside], fits[:, ~inside]))
    hours = judged(model, runs) * model.window_s / 3600.0
    if not hours:
        raise ConfigError(
            f"learn: the {len(runs.names)} runs to calibrate have no value that is judged; those with values "
            f"after the first {SETTLE_H:g} h, at ages of the runs to fit, would do"
        )
    threshold, count = threshold_for(held, int(false_alarms * hours / 100.0), model.window_s)
    unit, fit_unit = _units(size, fits)
    about = {
        "calibration_h": hours,
        "stated_per_100h": false_alarms,
        "reached_per_100h": 100.0 * count / hours,
    }
    return replace(model, unit=unit, fit_unit=fit_unit, threshold=threshold, about=about)


def _units(size: Array, fits: Array) -> tuple[Array, Array]:
    """Levels that all but a twentieth of the runs stay below, by statistic."""
    runs = size.shape[1]
    at = max(0, runs - 1 - round(REACHED_BY * runs))
    return _floored(np.sort(size.max(0), 0)[at]), _floored(np.sort(fits.max(0), 0)[at])


def _held(size: Array, fits: Array, unit: Array, fit_unit: Array) -> Array:
    """Scores (t, runs, n + 2): of each tag, of T2 and of SPE."""
    return np.concatenate(((size / unit).max(2), fits / fit_unit), axis=-1)


def settled(model: NormalModel) -> int:
    """First window that is judged."""
    return round(SETTLE_H * 3600.0 / model.window_s)


def judged(model: NormalModel, runs: Windows) -> int:
    """Number of judged windows of all runs in which a value came; none once a run is past all good runs."""
    heard: NDArray[np.bool_] = np.isfinite(runs.means).sum(2) > 0
    heard[:, : settled(model)] = False
    for k, run in enumerate(runs.means if model.aligned_by else ()):
        walk = maturity_of(model)
        for w, row in enumerate(run):
            walk.place(row, w)
            if walk.past_all():
                heard[k, w:] = False
                break
    return int(heard.sum())


def statistics(model: NormalModel, runs: Windows) -> tuple[Array, Array]:
    """Statistics (t, runs, channels, n), and T2 and SPE (t, runs, 2), of runs side by side."""
    if model.aligned_by:
        each = [_one(model, runs.means[k], runs.scatters[k]) for k in range(len(runs.names))]
        return np.stack([z for z, _ in each], 1), np.stack([fits for _, fits in each], 1)
    scorer = NormalScorer(model, len(runs.names))
    told = [scorer.step(runs.means[:, w], runs.scatters[:, w], w) for w in range(runs.means.shape[1])]
    return np.stack([s.z for s in told]), np.stack([np.stack((s.t2, s.spe), -1) for s in told])


def _one(model: NormalModel, means: Array, scatters: Array) -> tuple[Array, Array]:
    """Statistics of one run by itself, whose maturity goes its own way; 0 once it is past all good runs."""
    scorer, walk = NormalScorer(model), maturity_of(model)
    z, fits = np.zeros((len(means), *model.unit.shape)), np.zeros((len(means), 2))
    for w, row in enumerate(means):
        place = walk.place(row, w)
        if walk.past_all():
            break
        score = scorer.step(row, scatters[w], place)
        z[w], fits[w] = score.z, (score.t2, score.spe)
    return z, fits


def scores(model: NormalModel, runs: Windows) -> Array:
    """Scores (t, runs, n + 2): of each tag, of T2 and of SPE; nothing in the first hours."""
    z, fits = statistics(model, runs)
    held = _held(np.abs(z), fits, model.unit, model.fit_unit)
    held[: settled(model)] = 0.0
    return held


def begins(held: Array, threshold: float, window_s: float) -> list[list[int]]:
    """Windows in which findings begin, by run; (t, runs, k) scores."""
    book = Standing(held.shape[1:], threshold, window_s)
    found: list[list[int]] = [[] for _ in range(held.shape[1])]
    for w in np.flatnonzero(held.max((1, 2)) >= LEAVE * threshold) if threshold > 0 else ():
        for run in np.flatnonzero(book.step(held[w], int(w))):
            found[run].append(int(w))
    return found


def threshold_for(held: Array, allowed: int, window_s: float) -> tuple[float, int]:
    """Threshold at which (t, runs, k) scores begin at most `allowed` findings, and their number.

    Sought from above in steps of 1 %, so that no lower threshold at which findings run together counts.
    """
    threshold, count = float(held.max()) * 1.01, 0
    while threshold > 1e-6:
        lower = threshold / 1.01
        more = sum(map(len, begins(held, lower, window_s)))
        if more > allowed:
            return threshold, count
        threshold, count = lower, more
    return threshold, count


def _floored(spread: Array) -> Array:
    """No spread is zero: at least a millionth of the tag's largest, or 1 where nothing ever moved."""
    floor = 1e-6 * np.nanmax(spread, axis=tuple(range(spread.ndim - 1)))
    return np.maximum(spread, np.where(floor > 0, floor, 1.0))
