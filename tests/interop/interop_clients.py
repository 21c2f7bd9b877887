"""What npm brings for the tests with programs of others."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent

allowed = [
    pytest.mark.interop,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        os.environ.get("BIOLINE_INTEROP") != "1",
        reason="fetches programs from registries; BIOLINE_INTEROP=1 allows it",
    ),
]


def install(folder: Path, packages: tuple[str, ...]) -> Path:
    """Folder with the packages; BIOLINE_NODE_MODULES may name one that has them."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    if ready := os.environ.get("BIOLINE_NODE_MODULES"):
        return Path(ready).parent
    (folder / "package.json").write_text('{"private": true}')
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
    subprocess.run(["npm", "install", *options, *packages], cwd=folder, check=True, timeout=300)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Environment of a script that finds the packages and keeps its files in the folder."""
    return os.environ | {
        "NODE_PATH": str(folder / "node_modules"), "HOME": str(folder), "XDG_CONFIG_HOME": str(folder),
    }  # fmt: skip
