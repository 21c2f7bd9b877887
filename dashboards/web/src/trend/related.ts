// What belongs to one quantity: its hue, its set point and samples, its faults.
import { now } from "../state/clock";
import { alarms, tags } from "../state/live";
import { concerns } from "../state/urgency";
import type { Names } from "./series";

const HUES = new Set(["pH", "pO2", "pCO2", "conductivity", "temperature", "VCD"]);

/** The measured name behind an estimate: "R101.est_pH_true" is about "R101.pH". */
const base = (name: string) => name.replace(".est_", ".").replace(/_true$/, "");

/** Each quantity keeps one hue everywhere. */
export function hueOf(name: string): string {
  const short = base(name).slice(name.indexOf(".") + 1);
  return HUES.has(short) ? short : "other";
}

export function related(name: string): Names {
  const about = tags.value.get(base(name));
  const assay = about?.kind === "assay";
  const lab = assay ? (name === about.id ? undefined : about) : tags.value.get(`${base(name)}_lab`);
  return { name, assay: assay && !lab, wanted: tags.value.get(`${name}_sp`), lab };
}

/** Faults of this quantity, or of its whole unit: from their onset to now [s]. */
export function faults(name: string): [number, number][] {
  const asset = name.split(".")[0];
  return alarms
    .peek()
    .filter(({ event, active }) => active && event.asset === asset && (concerns(event, name) ?? true))
    .map(({ event, raised }) => [Date.parse(event.since ?? raised) / 1000, now.peek() / 1000]);
}
