// A vessel as an outline: what goes in, what goes out, how full it is.
import type { Vessel } from "../state/api";
import { reading } from "../state/live";

/** Liquid in the vessel as a share of the fullest it can be weighed; half when nothing is known. */
export function level(vessel: Vessel): number {
  const tag = vessel.tags.find((each) => each.name === "weight");
  const weight = tag && reading(tag.id).value?.value;
  if (typeof weight !== "number" || !vessel.batch) return 0.5;
  return Math.min(0.95, Math.max(0.05, (0.55 * weight) / vessel.batch.volume_l));
}

export function Outline({ vessel }: { vessel: Vessel }) {
  const top = 112 - 84 * level(vessel);
  return (
    <svg class="outline" viewBox="0 0 80 128" aria-hidden="true">
      <path class="liquid" d={`M14 ${top}H66V94Q66 114 40 114Q14 114 14 94Z`} />
      <path d="M14 24V94Q14 114 40 114Q66 114 66 94V24" />
      <path d="M10 24H70M40 8V92M30 88H50M30 92H50M30 88V92M50 88V92M35 8H45" />
      <path d={`M14 ${top}H66`} />
      <path class="pipe" d="M24 24V10M56 24V10H72M40 114V124M4 104H20L24 106H34" />
    </svg>
  );
}
