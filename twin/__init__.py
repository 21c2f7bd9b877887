"""Bioline Twin: a digital twin and monitoring service for a bioproduction line.

``twin.open(RUN, line=LINE)`` opens a stored run in a notebook or a script.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.service.notebook import open_run as open

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def __getattr__(name: str) -> Any:
    """Load what `open` needs only when it is asked for."""
    if name != "open":
        raise AttributeError(f"module 'twin' has no attribute {name!r}")
    from twin.service.notebook import open_run

    return open_run
