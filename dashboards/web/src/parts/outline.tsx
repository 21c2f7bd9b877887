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

/** What is no stirred vessel: a store, a membrane in its housing, a packed bed. */
const PLAIN = {
  tank: "M12 36Q40 22 68 36V108H12ZM22 108V120M58 108V120M40 29V14M68 100H78",
  filter: "M24 20H56V108H24ZM24 108L56 20M40 20V6M40 108V122M56 84H74",
  column: "M26 18Q26 8 40 8T54 18V110Q54 120 40 120T26 110ZM26 30H54M26 98H54M40 8V0M40 120V128M32 42H34M46 42H48M39 54H41M32 66H34M46 66H48M39 78H41M32 90H34M46 90H48",
};

export function Outline({ vessel }: { vessel: Vessel }) {
  if (vessel.form !== "vessel")
    return (
      <svg class="outline" viewBox="0 0 80 128" aria-hidden="true">
        <path d={PLAIN[vessel.form]} />
      </svg>
    );
  return <Stirred vessel={vessel} />;
}

function Stirred({ vessel }: { vessel: Vessel }) {
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
