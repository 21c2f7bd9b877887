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

function tooOld(tag: Tag, reading: Reading): boolean {
  return tag.kind === "online" && age(reading) > tag.silence_s * 1000 + allowance();
}
