// The unit as a plain drawing with its live values where they are measured; what a unit does not have is not drawn.
import type { Tag, Vessel } from "../state/api";
import { to } from "../state/route";
import { nameOf } from "../text/format";
import { t } from "../text/language";
import { level } from "./outline";
import { Value } from "./value";

/** Where a value stands, in per cent of the drawing, and the pipe or probe that leads there. */
const PLACES: Record<string, { x: number; y: number; path: string }> = {
  stirrer: { x: 50, y: 5, path: "M50 12V84M40 80H60M40 84H60M40 80V84M60 80V84" },
  feed_flow: { x: 15, y: 14, path: "M28 17H38V32" },
  base_flow: { x: 15, y: 26, path: "M28 29H34V38" },
  offgas_O2: { x: 85, y: 7, path: "M62 32V10H70" },
  offgas_CO2: { x: 85, y: 17, path: "M62 32V20H70" },
  pressure: { x: 85, y: 28, path: "M66 34V31H70" },
  pH: { x: 85, y: 42, path: "M62 45H72" },
  pO2: { x: 85, y: 54, path: "M62 57H72" },
  pCO2: { x: 85, y: 66, path: "M62 69H72" },
  conductivity: { x: 85, y: 78, path: "M62 81H72" },
  temperature: { x: 15, y: 44, path: "M28 47H38" },
  jacket_temperature: { x: 15, y: 58, path: "M28 61H27V50M27 61V92" },
  flow_air: { x: 15, y: 76, path: "M28 79H30V96H46" },
  flow_O2: { x: 15, y: 88, path: "M28 91H30V96H46" },
  flow_CO2: { x: 15, y: 100, path: "M28 103H30V96H46" },
  weight: { x: 62, y: 110, path: "M50 104V112" },
};

function Spot({ tag }: { tag: Tag }) {
  const place = PLACES[tag.name];
  if (!place) return null;
  return (
    <li style={{ left: `${place.x}%`, top: `${(place.y / 120) * 100}%` }}>
      <a href={to("tag", tag.id)}>{nameOf(tag.name)}</a>
      <Value tag={tag} />
    </li>
  );
}

export function Mimic({ vessel }: { vessel: Vessel }) {
  const shown = vessel.tags.filter((each) => each.kind === "online" && each.name in PLACES);
  if (shown.length < 4) return null;
  const top = 98 - 66 * level(vessel);
  return (
    <section class="mimic panel" aria-label={t("mimic.title", { id: vessel.id })}>
      <svg viewBox="0 0 100 120" aria-hidden="true" preserveAspectRatio="none">
        <path class="liquid" d={`M32 ${top}H68V92Q68 104 50 104Q32 104 32 92Z`} />
        <path class="wall" d="M32 32V92Q32 104 50 104Q68 104 68 92V32M28 32H72" />
        {shown.map((each) => (
          <path key={each.id} class="pipe" d={PLACES[each.name]?.path ?? ""} />
        ))}
      </svg>
      <ul>
        {shown.map((each) => (
          <Spot key={each.id} tag={each} />
        ))}
      </ul>
    </section>
  );
}
