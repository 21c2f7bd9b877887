// Which alarm comes first, where it is dealt with, and what it is about.
import type { Alarm, Happening, Priority } from "./api";
import { events, vessel } from "./live";
import { to } from "./route";

const RANK: Priority[] = ["low", "medium", "high", "critical"];

/** 0 for nothing, more for worse. */
export const rank = (priority: Priority | null | undefined) => (priority ? RANK.indexOf(priority) + 1 : 0);

const acked = (alarm: Alarm) => Number(alarm.state === "acked" || alarm.state === "latched_acked");

/** The highest priority first, then what nobody has acknowledged, then the newest. */
export function byUrgency(rows: Alarm[]): Alarm[] {
  return [...rows].sort(
    (a, b) =>
      rank(b.priority) - rank(a.priority) || acked(a) - acked(b) || Date.parse(b.raised) - Date.parse(a.raised),
  );
}

/** The page with the alarm's card: its unit, or the diagnostics when it is not about a vessel. */
export function cardOf(alarm: Alarm): string {
  const { asset } = alarm.event;
  return vessel(asset) ? to("unit", asset, { alarm: alarm.id }) : to("diagnostics", "", { alarm: alarm.id });
}

/** Names of the tags that were lost together; the end of such an event no longer tells them, its begin does. */
export function lostTogether(event: Happening): string[] {
  const told = [event, ...events.value.filter((each) => each.condition === event.condition)];
  const names = told.map((each) => each.detail["tags"]).find((each) => each);
  return typeof names === "string" ? names.split(", ") : [];
}

/** Whether an event is about this tag; undefined when it is about no tag in particular. */
export function concerns(event: Happening, tag: string): boolean | undefined {
  const together = lostTogether(event);
  if (together.length) return together.some((name) => `${event.asset}.${name}` === tag);
  const one = event.tag ?? event.causes[0]?.tag;
  return one ? one === tag : undefined;
}
