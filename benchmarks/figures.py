"""How the pictures of the documentation are drawn: one style, small files, the same bytes each time."""

from pathlib import Path
from typing import Any, Final

PLOTS: Final = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "plots"
BLUE, ORANGE, GREY = "#1f5a96", "#d1571b", "#8a8f98"


def pyplot() -> Any:
    """Matplotlib's pyplot, without a screen.

    Raises
    ------
    SystemExit
        When matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        raise SystemExit("plots need matplotlib: pip install -e '.[docs]'") from None
    mpl.use("agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 8, "axes.titlesize": 8, "axes.titlelocation": "left", "axes.spines.top": False,
            "axes.spines.right": False, "axes.linewidth": 0.6, "lines.linewidth": 1.1, "axes.grid": True,
            "grid.linewidth": 0.3, "grid.alpha": 0.6, "legend.frameon": False, "figure.dpi": 90,
            "axes.formatter.useoffset": False,
        }
    )  # fmt: skip
    return plt


def save(figure: Any, name: str) -> Path:
    """Write the figure as ``name.png`` beside the page that shows it, and close it."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    path = PLOTS / f"{name}.png"
    figure.savefig(path, metadata={"Software": None})
    pyplot().close(figure)
    return path
