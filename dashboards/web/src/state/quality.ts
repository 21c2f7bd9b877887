// How far a shown value may be believed, by the line's clock and not by this screen's.
import { allowance, now } from "./clock";
import type { Reading, Tag } from "./api";

export type Trust = "good" | "uncertain" | "bad" | "stale" | "missing";

export function trust(tag: Tag, reading: Reading | undefined): Trust {
  if (!reading) return "missing";
  if (reading.quality === "stale" || tooOld(tag, reading)) return "stale";
  if (reading.quality === "bad" || reading.value === null) return "bad";
  return reading.quality;
}

/** Age in milliseconds of the line's time. */
export function age(reading: { t: string }): number {
  return Math.max(0, now.value - Date.parse(reading.t));
}

/** A twin that said nothing for longer than this is silent [ms of the line's time] (chosen default). */
const SILENT_MS = 15 * 60_000;

/** True when what the twin said last is too old to be read as its belief of now. */
export const silent = (belief: { t: string }) => age(belief) > SILENT_MS + allowance();

function tooOld(tag: Tag, reading: Reading): boolean {
  return tag.kind === "online" && age(reading) > tag.silence_s * 1000 + allowance();
}
