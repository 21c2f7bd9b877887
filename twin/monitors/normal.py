"""How far a batch is from what good batches look like: multiway statistics, one window after the other.

A batch is followed in windows of equal length, aligned by batch age or by maturity (`Maturity`). Of every tag
there are the deviation of the window's mean from the mean trajectory of the good batches (the golden batch)
and exponentially weighted means of it over several time constants (EWMA charts, Roberts 1959). What lies
between two neighbouring time constants is a *band*; the bands of all tags are the vector that is judged:

- each tag's own bands against their spread among good batches (marginal EWMA charts);
- each tag's bands against what the bands of all other tags say they should be, by ridge regression around
  the present age (local) and over the whole batch (global): redundancy learnt from data. The difference of
  two time constants takes out what differs from batch to batch for long;
- Hotelling's T2 and the squared prediction error of a principal component model of the whole vector
  (Nomikos and MacGregor 1995, batch evolution), with contributions by tag;
- the scatter within a window (mean squared successive difference, von Neumann 1941): a stuck probe has
  none, a noisy one too much.

Every statistic is divided by the level good batches hardly ever reach, so that one is *as far as good runs
go* for all of them; the score of a tag is the largest. Pure: no clock, no files; numpy only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NOISE_TAUS_H = (0.0, 0.6, 2.0)
"""Time constants of the scatter charts [h] (chosen default)."""
SETTLE_H = 5.0
"""Nothing is judged in the first hours of a batch [h] (chosen default)."""


@dataclass(frozen=True, slots=True)
class NormalModel:
    """What was learnt from good runs. Plain arrays; n tags, t windows, g nodes of age, p = bands x n.

    Parameters
    ----------
    tags : tuple of str
        Tag names within the vessel, in the order of all arrays.
    units : tuple of str
        UCUM unit of each tag.
    window_s : float
        Length of a window [s].
    taus_h : Array
        Time constants of the EWMA charts, rising [h]; bands = their number + 1.
    targets : Array
        (q, bands) of 0 and 1: which bands, added, make each judged quantity of a tag.
    target_names : tuple of str
    mean, low, high : Array
        (t, n) golden batch: mean trajectory and the envelope of 5 to 95 % [tag's unit].
    scale : Array
        (n) spread of the deviations over all ages [tag's unit].
    noise_mean, noise_sd : Array
        (t, n) cube root of the mean squared successive difference: its mean and spread.
    noise_unit : Array
        (scatter charts, n) spread of each smoothed scatter.
    node : NDArray[np.int64]
        (t) which node of age a window belongs to.
    local, local_sd : Array
        (g, q n, p) rows that make residuals of a band vector, in units of their spread; (g, q n) that spread.
    everywhere : Array
        (q n, p) the same over the whole batch; its spread by node is `everywhere_sd` (g, q n).
    marginal_sd : Array
        (g, q n) spread of the judged quantities themselves.
    loadings : Array
        (g, p, a) principal directions of the band vector divided by `feature_sd` (g, p).
    eigenvalues : Array
        (g, a) variances along them.
    unit : Array
        (channels, n) level that good calibration runs hardly reach, by statistic and tag.
    fit_unit : Array
        (2) the same for T2 and SPE.
    threshold : float
        Score above which a finding is told.
    aligned_by : str
        Tag whose progress tells maturity; empty where batch age does.
    maturity : Array
        (t) how far that tag has usually come in each window [tag's unit], rising; empty with batch age.
    """

    tags: tuple[str, ...]
    units: tuple[str, ...]
    window_s: float
    taus_h: Array
    targets: Array
    target_names: tuple[str, ...]
    mean: Array
    low: Array
    high: Array
    scale: Array
    noise_mean: Array
    noise_sd: Array
    noise_unit: Array
    node: NDArray[np.int64]
    local: Array
    local_sd: Array
    everywhere: Array
    everywhere_sd: Array
    marginal_sd: Array
    feature_sd: Array
    loadings: Array
    eigenvalues: Array
    unit: Array
    fit_unit: Array
    threshold: float
    aligned_by: str = ""
    maturity: Array = field(default_factory=lambda: np.zeros(0))
    about: Mapping[str, object] = field(default_factory=dict)
    """facts of the making: runs, rates, version"""

    @property
    def windows(self) -> int:
        """Number of windows of a whole batch."""
        return len(self.mean)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the statistics of one tag, as ordered in `unit`."""
        kinds = [f"{kind} {name}" for kind in ("local", "global", "own") for name in self.target_names]
        return (*kinds, *(f"scatter {tau:g} h" for tau in NOISE_TAUS_H))


MATURITY_TAU_H = 1.0
"""Time constant of the mean whose progress tells maturity [h] (chosen default)."""


class Maturity:
    """Where a batch stands among good runs: by its age, or by how far one tag has come.

    An indicator variable (Garcia-Munoz et al. 2003): a quantity that rises with the batch, such as what was
    fed or an integral of the oxygen uptake. Its smoothed value, never taken back, is looked up in the mean
    course of good runs; the window it belongs to is the maturity.

    Parameters
    ----------
    tag : int or None
        Place of the tag in the vectors; None for batch age.
    course : Array
        (t) mean course of the tag [tag's unit], rising.
    window_s : float
        Length of a window [s].
    """

    def __init__(self, tag: int | None, course: Array, window_s: float) -> None:
        self.tag, self.course = tag, course
        self.gain = float(1.0 - np.exp(-window_s / 3600.0 / MATURITY_TAU_H))
        self.mean, self.most = np.nan, -np.inf

    def place(self, means: Array, window: int) -> int:
        """Window of good runs that a batch is like which is in its window `window` now."""
        if self.tag is None:
            return window
        value = float(means[self.tag])
        if not np.isnan(value):
            self.mean = value if np.isnan(self.mean) else self.mean + self.gain * (value - self.mean)
            self.most = max(self.most, self.mean)
        return min(int(np.searchsorted(self.course, self.most)), len(self.course) - 1)

    def past_all(self) -> bool:
        """Tell whether the batch has come further than good runs went."""
        return self.tag is not None and self.most > float(self.course[-1])


def maturity_of(model: NormalModel) -> Maturity:
    """What aligns a batch with the runs of the model."""
    tag = model.tags.index(model.aligned_by) if model.aligned_by else None
    return Maturity(tag, model.maturity, model.window_s)


@dataclass(slots=True)
class Score:
    """One window judged. Leading axes, where there are several batches at once, come first.

    Parameters
    ----------
    tags : Array
        (n) largest statistic of each tag, in units of what good runs reach.
    channel : NDArray[np.int64]
        (n) which statistic that was.
    z : Array
        (channels, n) every statistic, signed, in spreads of good runs.
    t2, spe : Array
        Of the band vector.
    t2_score, spe_score : Array
        The same in units of what good runs reach.
    """

    tags: Array
    channel: NDArray[np.int64]
    z: Array
    t2: Array
    spe: Array
    t2_score: Array
    spe_score: Array
    features: Array
    node: int


class NormalScorer:
    """Follows one batch, or many of the same age side by side, window by window.

    Parameters
    ----------
    model : NormalModel
    batches : int or None
        None: vectors of one batch, shape (n). A number: matrices (batches, n).
    """

    def __init__(self, model: NormalModel, batches: int | None = None) -> None:
        self.model = model
        shape = () if batches is None else (batches,)
        n = len(model.tags)
        self.ewma = np.zeros((*shape, len(model.taus_h), n))
        self.noise = np.zeros((*shape, len(NOISE_TAUS_H), n))
        self.fresh = True
        hours = model.window_s / 3600.0
        self._gain = (1.0 - np.exp(-hours / model.taus_h))[:, None]
        taus = np.maximum(np.array(NOISE_TAUS_H), 1e-9)
        self._noise_gain = (1.0 - np.exp(-hours / taus))[:, None]
        self._node, self._rows = -1, np.zeros((0, 0))

    def step(self, means: Array, scatters: Array, window: int) -> Score:
        """Judge a window.

        Parameters
        ----------
        means : Array
            (..., n) mean of the believed values [tag's unit]; NaN where there was none.
        scatters : Array
            (..., n) mean squared successive difference [unit squared]; NaN where fewer than two values.
        window : int
            Index on the aligned grid; beyond its end the last one is taken.
        """
        model = self.model
        w = min(max(window, 0), model.windows - 1)
        g = int(model.node[w])
        deviation = (means - model.mean[w]) / model.scale
        missing = np.isnan(deviation)
        lost = bool(missing.any())
        if lost:
            deviation = np.where(missing, self.ewma[..., 0, :], deviation)
        features = self._bands(deviation)
        z = self._statistics(features, self._scatter(scatters, w), g)
        if lost:
            z = np.where(missing[..., None, :], 0.0, z)
        held = np.abs(z)
        held /= model.unit
        t2, spe = distances(model, features, g)
        return Score(
            held.max(-2), held.argmax(-2), z, t2, spe, t2 / model.fit_unit[0], spe / model.fit_unit[1],
            features, g,
        )  # fmt: skip

    def _bands(self, deviation: Array) -> Array:
        now = deviation[..., None, :]
        if self.fresh:
            self.ewma[...] = now
            self.fresh = False
        else:
            self.ewma += self._gain * (now - self.ewma)
        bands = np.concatenate((now, self.ewma), axis=-2)
        bands[..., :-1, :] -= self.ewma
        return bands.reshape(*deviation.shape[:-1], -1)

    def _scatter(self, scatters: Array, w: int) -> Array:
        model = self.model
        found = (np.cbrt(scatters) - model.noise_mean[w]) / model.noise_sd[w]
        lost = np.isnan(found)
        if lost.any():
            found = np.where(lost, self.noise[..., 1, :], found)
        self.noise += self._noise_gain * (found[..., None, :] - self.noise)
        return self.noise / model.noise_unit

    def _statistics(self, features: Array, scatter: Array, g: int) -> Array:
        if g != self._node:
            self._node, self._rows = g, self._stacked(g)
        judged = (features @ self._rows).reshape(*features.shape[:-1], -1, len(self.model.tags))
        return np.concatenate((judged, scatter), axis=-2)

    def _stacked(self, g: int) -> Array:
        """(p, 3 q n): what makes the local, the global and the own statistics of a band vector at a node."""
        model = self.model
        own = np.kron(model.targets, np.eye(len(model.tags)))
        rows = (
            model.local[g],
            model.everywhere / model.everywhere_sd[g][:, None],
            own / model.marginal_sd[g][:, None],
        )
        return np.ascontiguousarray(np.concatenate(rows).T)


def distances(model: NormalModel, features: Array, g: int) -> tuple[Array, Array]:
    """Hotelling's T2 and the squared prediction error of a band vector at a node of age."""
    scaled = features / model.feature_sd[g]
    scores = scaled @ model.loadings[g]
    squares = scores * scores
    t2 = (squares / model.eigenvalues[g]).sum(-1)
    spe = (scaled * scaled).sum(-1) - squares.sum(-1)
    return t2, np.maximum(spe, 0.0)


def leading(model: NormalModel, score: Score) -> tuple[int, int]:
    """The tag and the statistic that lead, of one batch.

    Where T2 or SPE leads, it is the tag with the largest part of it. Where a relation is broken, every
    partner has a residual; the tag whose own is largest in spreads is the one the others can do without
    (theirs are that one times a partial correlation, which is below one).
    """
    lead = int(score.tags.argmax())
    whole = (float(score.t2_score), float(score.spe_score))
    if max(whole) > score.tags[lead]:
        lead = int(contributions(model, score.features, score.node)[int(whole[1] > whole[0])].argmax())
    channel = int(score.channel[lead])
    if channel < 2 * len(model.targets):
        lead = int(np.abs(score.z[channel]).argmax())
    return lead, channel


def contributions(model: NormalModel, features: Array, g: int) -> tuple[Array, Array]:
    """Parts of T2 and of SPE by tag; each sums to the statistic (Westerhuis et al. 2000).

    Parameters
    ----------
    features : Array
        (p) band vector of one batch.
    g : int
        Node of age.

    Returns
    -------
    t2, spe : Array
        (n) each.
    """
    scaled = features / model.feature_sd[g]
    scores = scaled @ model.loadings[g]
    t2 = scaled * (model.loadings[g] @ (scores / model.eigenvalues[g]))
    left = scaled - model.loadings[g] @ scores
    n = len(model.tags)
    return t2.reshape(-1, n).sum(0), (left * left).reshape(-1, n).sum(0)
