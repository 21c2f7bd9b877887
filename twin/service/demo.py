"""The demo: a simulated plant in a process of its own, real wires, the service, a subscriber."""

import asyncio
import contextlib
import json
import tempfile
import time
import webbrowser
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from simulators.broker import open_broker
from simulators.scenario import Scenario
from simulators.wires import free_port
from twin.service.app import Service, open_service
from twin.service.build import load_line
from twin.service.catcher import Catcher, open_catcher
from twin.service.pages import open_pages
from twin.service.plant_process import PlantProcess
from twin.service.scenarios import find_scenario
from twin.service.score import compare
from twin.service.settings import Settings
from twin.service.spare import affordable, share_of_a_core
from twin.service.yaml_file import read_yaml

BEHIND_H = 2.0
"""A twin further behind the plant is told [h of process] (chosen default)."""
LEAD_S = 1.0
"""Wall time between the plant's readiness and its first value [s]."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of the demo."""

    scenario: str
    speed: float | None
    seconds: float | None
    browser: bool
    port: int


async def run(options: Options, settings: Settings, console: Console) -> None:
    """Run until the time is up or Ctrl-C, then say what was found beside what was true."""
    scenario = _paced(find_scenario(options.scenario), options.speed, console)
    with tempfile.TemporaryDirectory(prefix="bioline-demo-") as folder:
        async with contextlib.AsyncExitStack() as stack:
            catcher = await stack.enter_async_context(open_catcher())
            broker = stack.enter_context(contextlib.closing(open_broker()))
            opcua_port = free_port()
            plant = PlantProcess(scenario, opcua_port, broker.port, Path(folder))
            await stack.enter_async_context(plant.started())
            line_file, line = load_line(demo_line(Path(folder), plant, catcher.url))
            own = {"data_dir": Path(folder), "port": options.port, "host": "127.0.0.1", "sign_in": "local"}
            private = settings.model_copy(update=own)
            service = await stack.enter_async_context(open_service(line_file, line, private))
            address = await stack.enter_async_context(open_pages(service.view, private))
            _announce(console, scenario, address, options.seconds)
            if options.browser:
                await asyncio.to_thread(webbrowser.open, address)
            with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C: say what was found, then end
                await _watch(service, catcher, console, options.seconds)
            _summarise(service, catcher, scenario, plant.start_ns, console)


def _paced(scenario: Scenario, asked: float | None, console: Console) -> Scenario:
    """The scenario at the speed asked for, or at the one this machine can keep up with."""
    share = share_of_a_core()
    speed = asked or affordable(scenario.speed, share)
    if speed < scenario.speed and not asked:
        console.print(
            f"This machine is busy (a process gets {100 * share:.0f} % of a core): {speed:g} times real time "
            f"instead of {scenario.speed:g}; --speed {scenario.speed:g} asks for it all the same"
        )
    return scenario.model_copy(update={"speed": speed})


def demo_line(folder: Path, plant: PlantProcess, catcher: str) -> Path:
    """The packaged demo line with this run's ports and clock put in."""
    raw: dict[str, Any] = read_yaml(files("seeds") / "lines" / "demo.yaml")
    raw["clock"] = plant.clock.model_dump(mode="json")
    for source in raw["sources"]:
        if source["kind"] == "opcua":
            source["url"] = f"opc.tcp://127.0.0.1:{plant.opcua_port}/"
        else:
            source["port"] = plant.mqtt_port
    for vessel in raw["vessels"]:
        vessel["batch"]["start"] = _iso(_inoculated(plant, vessel["id"]))
    for subscriber in raw["subscribers"]:
        if subscriber["notifier"]["kind"] == "webhook":
            subscriber["notifier"]["url"] = catcher
    path = folder / "line.yaml"
    path.write_text(json.dumps(raw))
    return path


def _inoculated(plant: PlantProcess, vessel: str) -> int:
    age_h = next(v.start_h for v in plant.scenario.vessels if v.id == vessel)
    return plant.start_ns - int(age_h * 3.6e12)


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat()


def _announce(console: Console, scenario: Scenario, address: str, seconds: float | None) -> None:
    hours = scenario.duration_h
    end = "Ctrl-C" if seconds is None else f"by itself after {seconds:g} s, or Ctrl-C"
    console.print(f"[bold]{scenario.title.get('en', scenario.id)}[/]  (simulated data)")
    console.print(f"  page      [bold]{address}[/]")
    console.print(
        f"  what      {hours:g} h of process at {scenario.speed:g} times real time, "
        f"about {hours * 3600 / scenario.speed:.0f} s; then it goes on without further faults"
    )
    for vessel in scenario.vessels:
        faults = ", ".join(f"{f.kind} at {f.at_h:g} h" for f in vessel.faults) or "no fault"
        console.print(f"  {vessel.id:<9} {faults} (the twin is not told)")
    console.print(f"  stop      {end}")


async def _watch(service: Service, catcher: Catcher, console: Console, seconds: float | None) -> None:
    running = asyncio.create_task(service.run())
    started, shown = time.monotonic(), 0
    try:
        while not running.done() and (seconds is None or time.monotonic() - started < seconds):
            await asyncio.wait({running}, timeout=0.5)
            shown = _report(service, catcher, console, shown, time.monotonic() - started)
        if running.done():
            await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _report(service: Service, catcher: Catcher, console: Console, shown: int, elapsed_s: float) -> int:
    for notice in catcher.caught[shown:]:
        console.print(f"[bold]notice[/] ({notice['language']}) {escape(notice['title'])}")
        console.print("  " + escape(notice["text"]).replace("\n", " · "))
    if console.is_terminal or int(elapsed_s * 2) % 20 == 0:
        counters = service.view.counters()
        hours = service.clock.now_ns() / 1e9
        when = datetime.fromtimestamp(hours, UTC).strftime("%Y-%m-%d %H:%M")
        text = f"{when} · {counters.stored} values stored · standing alarms: {len(service.view.alarms())}"
        if (behind_h := _behind_h(service)) > BEHIND_H:
            text += f" · the twin is {behind_h:.0f} h of process behind"
        console.print(text, end="\r" if console.is_terminal else "\n")
    return len(catcher.caught)


def _behind_h(service: Service) -> float:
    """How far the slowest vessel's twin is behind the plant [h of process]; 0 before its first frame."""
    ends = [vessel.cutter.end_ns for vessel in service.engine.vessels.values() if vessel.cutter.end_ns]
    return (service.clock.now_ns() - min(ends)) / 3.6e12 if ends else 0.0


def _summarise(
    service: Service, catcher: Catcher, scenario: Scenario, start_ns: int, console: Console
) -> None:
    events = [event for _, event in service.view.events(0, 10_000)]
    console.print()
    console.print(compare(scenario, start_ns, events, service.clock.now_ns()))
    if (behind_h := _behind_h(service)) > BEHIND_H:
        console.print(
            f"The twin was {behind_h:.0f} h of process behind at the end: this machine is too busy for "
            f"{scenario.speed:g} times real time; --speed {max(1.0, scenario.speed / 4):g} would do"
        )
    counters = service.view.counters()
    holds = "adds up" if counters.holds else "DOES NOT ADD UP"
    refused = sum(counters.quarantined.values()) + sum(counters.rejected.values())
    console.print(
        f"received {counters.received} = stored {counters.stored} + duplicate {counters.duplicate} "
        f"+ refused {refused} + pending {counters.pending}: {holds}; "
        f"notices that arrived: {len(catcher.caught)}"
    )
