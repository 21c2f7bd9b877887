"""A report as a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportFile:
    """The report of a batch.

    Parameters
    ----------
    name : str
        File name that says vessel, batch and language.
    body : bytes
    content_sha256 : str
        Hash of what it tells, the same in every form.
    """

    name: str
    body: bytes
    content_sha256: str
