"""The reference says every key of a line file, and links lead somewhere."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from connectors.sources.files import FileLayout
from twin.service import line
from twin.service.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/line-file.md").read_text(encoding="utf-8")
SECTIONS = [
    line.LineFile, line.VesselSection, line.TagSection, line.LimitsSection, line.TagUse, line.ProcessSection,
    line.BatchSection, line.NormalSection, line.ModelsSection,
    line.FleetSection, line.ClockSection, line.SubscriberSection, line.WriteSection,
    FileLayout,
]  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.__name__)
def test_every_key_is_in_the_reference(section: type[BaseModel]) -> None:
    names = {field.alias or name for name, field in section.model_fields.items()}
    assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set()


def test_every_variable_is_in_the_guide() -> None:
    page = (ROOT / "docs/how-to/deploy.md").read_text(encoding="utf-8")
    assert all(f"`{PREFIX}{name.upper()}`" in page for name in Settings.model_fields)


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name
)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
