// A value in its context: limits, set point, the twin's band; nothing moves unless a value did.
import type { Tag } from "../state/api";
import { belief, reading, tags } from "../state/live";
import { trust } from "../state/quality";
import { number } from "../text/format";
import { t } from "../text/language";
import { tagDigits } from "./value";

/** Ends of the bar: the limits with room on both sides, inside the measuring range. */
function ends(tag: Tag): [number, number] {
  const low = tag.limits.low ?? tag.limits.low_low;
  const high = tag.limits.high ?? tag.limits.high_high;
  if (low === null && high === null) return [tag.low, tag.high];
  const bottom = low ?? tag.low;
  const top = high ?? Math.min(tag.high, bottom + 4 * Math.abs(bottom || tag.high));
  const room = (top - bottom) * 0.4;
  return [Math.max(tag.low, bottom - room), Math.min(tag.high, top + room)];
}

export function RangeBar({ tag }: { tag: Tag }) {
  const [low, high] = ends(tag);
  const place = (value: number) => Math.min(100, Math.max(0, ((value - low) / (high - low || 1)) * 100));
  const percent = (value: number) => `${place(value)}%`;
  const now = reading(tag.id).value;
  const twin = belief(tag.id).value;
  const wanted = tags.value.has(`${tag.id}_sp`) ? reading(`${tag.id}_sp`).value?.value : undefined;
  const { low: below, high: above } = tag.limits;
  const from = place(below ?? low);
  const text = (value: number | null) => (value === null ? "…" : number(value, tagDigits(tag)));
  return (
    <span class={`bar ${trust(tag, now)}`} title={`${t("tag.limits")}: ${text(below)} – ${text(above)}`}>
      <i class="allowed" style={{ left: `${from}%`, width: `${place(above ?? high) - from}%` }} />
      {below !== null ? <i class="limit" style={{ left: percent(below) }} /> : null}
      {above !== null ? <i class="limit" style={{ left: percent(above) }} /> : null}
      {twin ? <Band from={place(twin.mean - 2 * twin.sd)} until={place(twin.mean + 2 * twin.sd)} /> : null}
      {typeof wanted === "number" ? <i class="wanted" style={{ left: percent(wanted) }} /> : null}
      {now && now.value !== null ? <i class="now" style={{ left: percent(now.value) }} /> : null}
    </span>
  );
}

function Band({ from, until }: { from: number; until: number }) {
  return <i class="band" style={{ left: `${from}%`, width: `${Math.max(1, until - from)}%` }} />;
}
