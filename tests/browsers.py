"""One headless Chromium for each module that looks at pages; imported by the conftest of such modules."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from dashboards import pages

WEB = Path(pages.__file__).parent / "web"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def built() -> None:
    """The built pages; built here only when everything for it is at hand."""
    if (pages.BUILT / "index.html").is_file():
        return
    npm = shutil.which("npm")
    if npm is None or not (WEB / "node_modules").is_dir():
        pytest.skip("the pages are not built: make front")
    subprocess.run([npm, "run", "build"], cwd=WEB, check=True, capture_output=True, timeout=120)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(built: None) -> AsyncIterator[Browser]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium: apt-get install chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        each = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield each
        await each.close()
