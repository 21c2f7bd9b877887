"""The example notebooks run as they stand, and print what they show."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def printed(notebook: Any) -> list[list[str]]:
    """Texts that each cell of code printed or showed; pictures count as one."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[text(output) for output in cell.outputs] for cell in cells]


def text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    return "picture" if "image/png" in output.data else str(output.data["text/plain"])


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["look-at-a-run", "what-if"]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path: Path) -> None:
    kept = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    NotebookClient(fresh, timeout=300).execute()
    assert printed(kept) == printed(fresh), "scripts/run-notebooks keeps what they print now"
