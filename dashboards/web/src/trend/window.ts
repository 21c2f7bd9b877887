// Which time the trends show, and how keys and the wheel move it.
import type { Vessel } from "../state/api";
import { now } from "../state/clock";
import { forecast } from "../state/forecasts";
import { choose, fix, HOUR, range, RANGES } from "../state/route";

/** Start and end of the time shown [ms]; a preset follows the line's clock. */
export function shown(vessel: Vessel): [number, number] {
  const { preset, from, until } = range.value;
  if (preset === null) return [from, until];
  const end = now.value;
  const start = vessel.batch ? Date.parse(vessel.batch.start) : end - 24 * HOUR;
  const begin = preset === "batch" ? Math.min(start, end - HOUR / 6) : end - (RANGES[preset] ?? HOUR);
  return [begin, end + ahead(vessel, preset, end - begin)];
}

/** How far beyond now a preset shows what is to come [ms]: a quarter of the past, the whole batch to its end. */
function ahead(vessel: Vessel, preset: string, past: number): number {
  const found = forecast(vessel.id);
  if (!found || preset === "1h") return 0;
  const reach = Math.max(0, Date.parse(found.until) - now.value);
  return preset === "batch" ? reach : Math.min(reach, past / 4);
}

/** Move by a share of the time shown, then zoom about a point within it (0 left, 1 right). */
export function move([from, until]: [number, number], shift: number, zoom = 1, about = 0.5): void {
  const latest = Math.max(now.value, until);
  const span = until - from;
  const centre = from + span * (about + shift);
  fix(centre - span * zoom * about, Math.min(latest, centre + span * zoom * (1 - about)));
}

const KEYS: Record<string, [number, number]> = {
  ArrowLeft: [-0.25, 1],
  ArrowRight: [0.25, 1],
  "+": [0, 0.5],
  "=": [0, 0.5],
  "-": [0, 2],
};

export function key(event: KeyboardEvent, window: [number, number]): void {
  const step = KEYS[event.key];
  if (event.key === "0") choose("24h");
  else if (step) move(window, ...step);
  else return;
  event.preventDefault();
}

/** Pinch, or the wheel with the control key: the plain wheel scrolls the page. */
export function wheel(event: WheelEvent, window: [number, number]): void {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  const about = (event.clientX - box.left) / box.width;
  move(window, 0, event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, about)));
}
