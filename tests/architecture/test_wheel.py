"""A wheel carries the five packages, the seeds and the built pages, and no sources of the pages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if not (ROOT / "dashboards/static/index.html").is_file():
        pytest.skip("the pages are not built; `make front` builds them")
    out = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-q", "-w", str(out)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    return zipfile.ZipFile(next(out.glob("bioline_twin-*.whl"))).namelist()


def test_it_carries_pages_seeds_and_packages(wheel: list[str]) -> None:
    for needed in (
        "dashboards/static/index.html",
        "seeds/lines/demo.yaml",
        "seeds/tags/cho_probes.yaml",
        "seeds/scenarios/demo.yaml",
        "twin/service/cli.py",
        "connectors/sources/opcua.py",
        "simulators/plant.py",
    ):
        assert needed in wheel


def test_it_carries_nothing_else(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.startswith("bioline_twin-")} == {
        "twin", "connectors", "simulators", "dashboards", "seeds",
    }  # fmt: skip
    assert not [name for name in wheel if "node_modules" in name or name.startswith("dashboards/web")]
    assert not [name for name in wheel if name.endswith((".nbi", ".nbc", ".pyc"))]
