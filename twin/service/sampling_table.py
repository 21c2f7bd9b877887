"""The table of the next sample: which assay, drawn when, tells most, and about what."""

from collections.abc import Sequence
from typing import Any, Final

from twin import __version__
from twin.domain.errors import ConfigError
from twin.domain.instant import iso
from twin.domain.sampling import NextSample
from twin.engine.forecast import Question
from twin.service.sheet import Sheet

SCHEMA: Final = 1
COLUMNS: Final = (
    "rank", "assay", "in_h", "drawn", "known", "worth", "about", "share", "sd_before", "sd_after", "unit",
    "fault", "fault_share",
)  # fmt: skip
"""Of the table, in this order; `about` is the quantity that is moved most, `fault` the fault."""
WORDS: Final = ("assay", "drawn", "known", "about", "unit", "fault")
"""Those that are no numbers."""
SHOWN: Final = ("assay", "drawn in", "known", "worth", "takes of the doubt", "of the doubt about faults")
"""Headings of the table that people read."""
TOLD: Final = 0.05
"""Shares below this are not printed (chosen default)."""
ROWS: Final = 12
"""So many are printed; all are written (chosen default)."""

Document = dict[str, Any]


def of_question(question: Question) -> Document:
    """The table at a belief.

    Raises
    ------
    ConfigError
        When the vessel has no assay that its model knows.
    """
    vessel, samples = question.forecaster.vessel, question.next_samples()
    if not samples:
        raise ConfigError(
            f"next-sample: {vessel.id} has no laboratory tag that its model {vessel.process} knows; a tag "
            "with `kind: assay` and the name of one of the model's results would do"
        )
    return {
        "schema": SCHEMA,
        "bioline_twin": __version__,
        "vessel": vessel.id,
        "at": iso(question.now_ns),
        "samples": [_row(each, rank) for rank, each in enumerate(samples, 1)],
    }


def _row(each: NextSample, rank: int) -> Document:
    first = each.doubts[0]
    fault = each.faults[0] if each.faults else None
    values = (
        rank, each.tag, each.in_h, iso(each.drawn_ns), iso(each.known_ns), each.worth, first.name,
        first.share, first.before, first.after, first.unit, fault and fault.name, fault and fault.share,
    )  # fmt: skip
    return {
        **dict(zip(COLUMNS, values, strict=True)),
        "doubts": {d.name: {"before": d.before, "after": d.after, "share": d.share} for d in each.doubts},
        "faults": {seen.name: seen.share for seen in each.faults},
    }


def sheet(document: Document) -> Sheet:
    """The table as it is printed and written."""
    rows = document["samples"]
    return Sheet(
        document,
        COLUMNS,
        [{name: row[name] for name in COLUMNS} for row in rows],
        SHOWN,
        [_cells(row) for row in rows[:ROWS]],
        f"{document['vessel']} at {document['at'][:16]}: the sample that tells most is {_best(rows[0])}",
        "shares are of the variance when the result is known; worth is their mean over what the laboratory "
        "measures and over the hours until the last possible result",
    )


def _best(row: Document) -> str:
    return f"{row['assay'].partition('.')[2]} in {row['in_h']:g} h"


def _cells(row: Document) -> list[str]:
    shares = {name: doubt["share"] for name, doubt in row["doubts"].items()}
    return [
        row["assay"], f"{row['in_h']:g} h", row["known"][:16], f"{row['worth']:.1%}",
        ", ".join(_most(shares)) or "-", ", ".join(_most(row["faults"])) or "-",
    ]  # fmt: skip


def _most(shares: dict[str, float]) -> Sequence[str]:
    """The three largest that are worth a word, in the order they come."""
    return [f"{name.removeprefix('est_')} {s:.0%}" for name, s in shares.items() if s >= TOLD][:3]
