"""How fast trends of 8 x 125,000 points are drawn: `python benchmarks/trend_bench.py`.

In headless Chromium without a graphics card, two things. First the libraries alone with all points in the
browser: uPlot, which the pages use, beside Chart.js (with its own decimation) and ECharts (with its own
sampling), both fetched from npm into a cache. Then the page of a unit as it is: as many points of each tag
lie in the SQLite historian and come decimated. Prints the time from data to the first paint, and the time
between frames while the time shown is moved. Times are those of one machine under its load; compare the
rows of one run.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/dashboards"))

from browsing import serve
from scripted_view import NOW, ONLINE, SECOND, ScriptedView

from connectors.historians.sqlite import Config, SqliteHistorian, open_historian
from twin.domain.measurement import Estimate, Measurement, Quality
from twin.ports import Trend

ROOT = Path(__file__).resolve().parents[1]
CHARTS, POINTS, FRAMES = 8, 125_000, 120
CACHE = Path(tempfile.gettempdir()) / "trend-bench"
LIBRARIES = {
    "uPlot": ROOT / "dashboards/web/node_modules/uplot/dist/uPlot.iife.min.js",
    "Chart.js": CACHE / "node_modules/chart.js/dist/chart.umd.js",
    "ECharts": CACHE / "node_modules/echarts/dist/echarts.min.js",
}
FLAGS = ["--no-sandbox", "--disable-gpu"]

BENCH = """async ({library, charts, points, frames}) => {
  const times = Float64Array.from({length: points}, (_, i) => i);
  const series = Array.from({length: charts}, (_, k) =>
    Float64Array.from(times, (t) => Math.sin(t / (900 + 100 * k)) + 0.2 * Math.sin(t * (k + 1.7))));
  const box = () => {
    const div = document.createElement('div');
    Object.assign(div.style, {width: '900px', height: '110px'});
    return document.body.appendChild(div);
  };
  const makers = {
    'uPlot': (v) => {
      const u = new uPlot({width: 900, height: 110, legend: {show: false}, cursor: {show: false},
        scales: {x: {time: false}}, series: [{}, {stroke: '#36a'}]}, [times, v], box());
      return (min, max) => u.setScale('x', {min, max});
    },
    'Chart.js': (v) => {
      const canvas = box().appendChild(document.createElement('canvas'));
      const data = Array.from(v, (y, x) => ({x, y}));
      const decimation = {enabled: true, algorithm: 'min-max'};
      const plugins = {legend: {display: false}, tooltip: {enabled: false}, decimation};
      const options = {animation: false, parsing: false, normalized: true, responsive: true,
        maintainAspectRatio: false, scales: {x: {type: 'linear'}}, plugins};
      const datasets = [{data, pointRadius: 0, borderWidth: 1}];
      const chart = new Chart(canvas, {type: 'line', data: {datasets}, options});
      return (min, max) => { Object.assign(chart.options.scales.x, {min, max}); chart.update('none'); };
    },
    'ECharts': (v) => {
      const chart = echarts.init(box());
      const data = Array.from(v, (y, x) => [x, y]);
      chart.setOption({animation: false, grid: {left: 40, right: 5, top: 5, bottom: 20},
        xAxis: {type: 'value'}, yAxis: {type: 'value'}, dataZoom: [{type: 'inside', filterMode: 'none'}],
        series: [{type: 'line', showSymbol: false, sampling: 'minmax', lineStyle: {width: 1}, data}]});
      return (startValue, endValue) => chart.dispatchAction({type: 'dataZoom', startValue, endValue});
    },
  };
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const begin = performance.now();
  const moves = series.map(makers[library]);
  await frame(); await frame();
  const first = performance.now() - begin;
  const gaps = [];
  let last = performance.now();
  for (let i = 0; i < frames; i++) {
    const from = (points / 2) * (i / frames);
    moves.forEach((move) => move(from, from + points / 2));
    await frame();
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  return {first, gaps};
}"""

DRAWN = """() => {
  window.strokes = [];
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    window.strokes.push(performance.now());
    return stroke.apply(this, path);
  };
}"""
LAST = """() => {
  const parts = performance.getEntriesByType('resource').filter((e) => e.name.includes('/trend?'));
  const data = Math.max(...parts.map((e) => e.responseEnd));
  let drawn = window.strokes.find((at) => at >= data);
  for (const at of window.strokes) if (at > drawn && at - drawn < 50) drawn = at; // one burst of drawing
  return {data, drawn, asked: Math.min(...parts.map((e) => e.startTime)), count: parts.length,
    bytes: parts.reduce((sum, e) => sum + e.decodedBodySize, 0)};
}"""
MOVED = """async (frames) => {
  const plot = document.querySelector('.plot');
  const gaps = [];
  let last = performance.now();
  for (let i = 0; i < frames; i++) {
    const key = i % 8 ? 'ArrowRight' : 'ArrowLeft';
    if (i % 4 === 0) plot.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


class StoredView(ScriptedView):
    """A scripted line whose trends come from a historian with many points."""

    historian: SqliteHistorian

    async def trend(self, name: str, start_ns: int, end_ns: int, points: int) -> tuple[Trend, Trend, Trend]:
        """Decimated by the historian."""
        mean, sd = await self.historian.trend_estimates(name, start_ns, end_ns, points)
        return await self.historian.trend(name, start_ns, end_ns, points), mean, sd


def p95(values: list[float]) -> float:
    """The value below which 95 % lie."""
    return sorted(values)[int(0.95 * len(values))]


def show(name: str, first_ms: float, gaps: list[float]) -> None:
    """One row of the table."""
    middle = statistics.median(gaps)
    print(f"{name:28} first paint {first_ms:7.0f} ms   frame p50 {middle:6.1f}  p95 {p95(gaps):6.1f} ms")


async def library(browser: Browser, name: str) -> None:
    """One library with all points in the browser."""
    page = await browser.new_page(viewport={"width": 940, "height": 940})
    await page.add_script_tag(path=LIBRARIES[name])
    asked = {"library": name, "charts": CHARTS, "points": POINTS, "frames": FRAMES}
    found = await page.evaluate(BENCH, asked)
    show(f"{name}, {CHARTS} x {POINTS:,}", found["first"], found["gaps"])
    await page.close()


async def filled(folder: Path) -> StoredView:
    """A historian with as many points of each of eight tags and beliefs, over the last 24 h."""
    view = StoredView()
    view.historian = open_historian(Config(path=folder / "historian.sqlite"))  # type: ignore[assignment]
    step = 24 * 3600 * SECOND // POINTS
    times = [NOW - i * step for i in range(POINTS, 0, -1)]
    for name, *_, accuracy, level, _limits in ONLINE[:CHARTS]:
        tag = f"R101.{name}"
        rows = [
            Measurement(tag, level + accuracy * ((i * 7919) % 13 - 6) / 6, Quality.GOOD, t, t)
            for i, t in enumerate(times)
        ]
        for at in range(0, POINTS, 5000):
            await view.historian.write(rows[at : at + 5000])
        await view.historian.write_estimates([Estimate(tag, t, level, accuracy, "") for t in times[::50]])
    return view


async def page_of_unit(browser: Browser, folder: Path) -> None:
    """The page of a unit as people open it."""
    view = await filled(folder)
    async with serve(view) as port:
        page: Page = await browser.new_page(viewport={"width": 1440, "height": 1800})
        await page.add_init_script(f"({DRAWN})()")
        await page.goto(f"http://127.0.0.1:{port}/#/unit/R101?range=24h&lang=en")
        await page.locator(".trend canvas").first.wait_for()
        await page.wait_for_timeout(3000)
        told: dict[str, Any] = await page.evaluate(LAST)
        gaps = await page.evaluate(MOVED, FRAMES)
        trends = await page.locator(".trend").count()
        show(f"page of a unit, {trends} trends", max(0.0, told["drawn"] - told["data"]), gaps)
        print(
            f"  {told['count']} requests, {told['bytes'] / 1e3:.0f} kB, answered within "
            f"{told['data'] - told['asked']:.0f} ms of the first being asked"
        )
        await page.close()
    await view.historian.close()


async def run() -> None:
    """All rows."""
    chromium = shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in LIBRARIES:
            await library(browser, name)
        with tempfile.TemporaryDirectory(prefix="trend-bench-") as folder:
            await page_of_unit(browser, Path(folder))
        await browser.close()


def main() -> None:
    """Fetch what is compared, then measure."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    CACHE.mkdir(exist_ok=True)
    wanted = ["chart.js@4", "echarts@6"]
    npm = ["npm", "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", "--silent", *wanted]
    subprocess.run(npm, check=True)
    for name in ("chart.js", "echarts"):
        about = json.loads((CACHE / "node_modules" / name / "package.json").read_text())
        print(f"{name} {about['version']}")
    asyncio.run(run())


if __name__ == "__main__":
    main()
