"""Samples: liquid drawn from the vessel at a time; assays: what the laboratory says later."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assay:
    """A laboratory result on one sample.

    Parameters
    ----------
    tag : str
        Tag id of kind assay, such as ``"R101.VCD"``.
    value : float
        In the tag's unit.
    drawn_ns, reported_ns : int
        When the sample was drawn and when the result came [ns since 1970-01-01 UTC].
    """

    tag: str
    value: float
    drawn_ns: int
    reported_ns: int
