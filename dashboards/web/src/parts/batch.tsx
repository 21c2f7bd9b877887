import type { Vessel } from "../state/api";
import { now } from "../state/clock";
import { events } from "../state/live";
import { ExpectedHarvest } from "./ahead";
import { batchAge, duration, time } from "../text/format";
import { maybe, message, t } from "../text/language";

/** The recipe's phase by the newest phase event of the unit. */
export function phase(asset: string): string | undefined {
  const last = events.value.findLast((each) => each.kind === "phase" && each.asset === asset);
  const name = last?.detail["phase"];
  return typeof name === "string" ? phaseName(name) : undefined;
}

export function phaseName(name: string): string {
  return message(`phase.${name}`) ?? maybe(`phase.${name}`, name.replaceAll("_", " "));
}

function left(ms: number): string {
  return ms >= 0 ? t("batch.left", { time: duration(ms) }) : t("batch.over", { time: duration(-ms) });
}

export function BatchLine({ vessel }: { vessel: Vessel }) {
  const { batch } = vessel;
  if (!batch) return <span class="batch">{t("batch.none")}</span>;
  const ended = batch.ended === null ? null : Date.parse(batch.ended);
  const old = (ended ?? now.value) - Date.parse(batch.start);
  const rest = ended === null ? left(batch.hours * 3_600_000 - old) : t("batch.ended", { time: time(ended) });
  const recipe = ended === null ? phase(vessel.id) : undefined;
  return (
    <span class="batch">
      <b title={t("batch.age")}>{batchAge(old)}</b>
      {[t("batch.name", { id: batch.id }), recipe, rest]
        .filter(Boolean)
        .map((each) => (
          <span key={each}>{each}</span>
        ))}
      {ended === null ? <ExpectedHarvest vessel={vessel} /> : null}
    </span>
  );
}
