"""How long a jump takes in the pages of a stored run: from the click to the last trend drawn anew.

twin play RUN.parquet --assays RUN.assays.parquet --line LINE.yaml --port 8801    # in another terminal
python -m benchmarks.seek_bench http://127.0.0.1:8801/ R101
"""

import argparse
import asyncio
import json
import shutil
import statistics
from datetime import datetime, timedelta
from urllib.request import urlopen

from playwright.async_api import Page, async_playwright

JUMP = """async (to) => {
  const begin = performance.now();
  let last = begin;
  const seen = new PerformanceObserver((list) => {
    for (const each of list.getEntries())
      if (/trend\\?|latest/.test(each.name)) last = each.responseEnd;
  });
  seen.observe({ type: 'resource' });
  const head = document.querySelector('.playbar input');
  head.value = Date.parse(to);
  head.dispatchEvent(new Event('change', { bubbles: true }));
  await new Promise((done) => setTimeout(done, 2500));
  seen.disconnect();
  return last - begin;
}"""


async def jump(page: Page, to: datetime) -> float:
    """Time until the last answer of a jump has come [s]; the drawing takes some ms more."""
    return float(await page.evaluate(JUMP, to.isoformat())) / 1e3


def span_of(address: str) -> tuple[datetime, datetime]:
    """Begin of the run, and how far it is worked through."""
    with urlopen(f"{address}api/v1/playback") as answer:
        state = json.load(answer)
    return datetime.fromisoformat(state["start"]), datetime.fromisoformat(state["ready"])


async def measure(address: str, unit: str, start: datetime, end: datetime) -> list[float]:
    """Ten jumps over the run, the whole batch in view."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = await browser.new_page(viewport={"width": 1500, "height": 1000})
        await page.goto(f"{address}#/unit/{unit}?range=batch&lang=en")
        await page.wait_for_selector(".playbar")
        await page.wait_for_timeout(2000)
        places = [0.5, 0.1, 0.9, 0.3, 0.7, 0.2, 1.0, 0.4, 0.8, 0.6]
        return [
            await jump(page, start + timedelta(seconds=p * (end - start).total_seconds())) for p in places
        ]


def main() -> None:
    """Print the median and the longest of ten jumps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("unit")
    asked = parser.parse_args()
    found = asyncio.run(measure(asked.address, asked.unit, *span_of(asked.address)))
    print(f"median {statistics.median(found):.2f} s, longest {max(found):.2f} s of {len(found)} jumps")


if __name__ == "__main__":
    main()
