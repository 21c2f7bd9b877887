// Whether the twin of a unit may be trusted now.
import { alarms, belief, beliefNames, vessel } from "../state/live";
import { silent } from "../state/quality";
import { twinOf } from "../state/twins";
import { t } from "../text/language";

type Health = "begins" | "follows" | "monitor" | "off" | "doubts" | "silent" | "none";

function health(asset: string): Health {
  const name = beliefNames.value.find((each) => each.startsWith(`${asset}.`));
  const last = name && belief(name).value;
  const trust = twinOf(asset)?.trust ?? "advice";
  if (trust !== "advice") return trust;
  if (!last) return vessel(asset)?.process ? "begins" : "none";
  if (alarms.value.some((each) => each.event.asset === asset && each.event.kind === "twin")) return "doubts";
  return silent(last) ? "silent" : "follows";
}

const FILLS: Record<Health, string> = {
  follows: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12Z",
  doubts: "M8 2a6 6 0 0 0 0 12Z",
  monitor: "M8 2a6 6 0 0 0 0 12Z",
  off: "M3 3l10 10M13 3L3 13",
  silent: "M3 8h10",
  none: "",
  begins: "",
};

export function HealthMark({ asset }: { asset: string }) {
  const state = health(asset);
  return (
    <span class="health" title={t(`twin.${state}`)}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" />
        <path class={state} d={FILLS[state]} />
      </svg>
      <span>{t(`twin.${state}`)}</span>
    </span>
  );
}
