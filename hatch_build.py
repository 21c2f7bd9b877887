"""Build hook: a wheel without the built pages is refused."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesAreBuilt(BuildHookInterface[Any]):
    """Stops a wheel that would have no pages; an editable install may do without."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Look for the built pages before anything is packed."""
        page = Path(self.root) / "dashboards" / "static" / "index.html"
        if version != "editable" and not page.is_file():
            raise RuntimeError(
                f"{page} is missing: run `make front` first, the wheel carries the built pages"
            )
