// L2: one unit, its values in place, its trends, what is wrong and what the twin believes.
import type { Alarm, Tag, Vessel } from "../state/api";
import { Beliefs } from "../parts/beliefs";
import { BatchLine } from "../parts/batch";
import { DriftCard } from "../parts/drift-card";
import { EndBatch } from "../parts/end-batch";
import { HealthMark } from "../parts/health";
import { LiveValues } from "../parts/live-values";
import { Mimic } from "../parts/mimic";
import { notes } from "../parts/notes";
import { Papers } from "../parts/report";
import { calling, heardAll, isFormer, reading, unkept, vessel } from "../state/live";
import { trust } from "../state/quality";
import { to } from "../state/route";
import { may } from "../state/session";
import { byUrgency } from "../state/urgency";
import { type Key, language, t } from "../text/language";
import { Legend, Ranges } from "../trend/ranges";
import { Trend } from "../trend/trend";

const STACK = ["pH", "pO2", "pCO2", "conductivity", "temperature"];

function stack(unit: Vessel): string[] {
  const online = unit.tags.filter((each) => each.kind === "online").map((each) => each.name);
  const named = STACK.filter((each) => online.includes(each));
  const chosen = named.length ? named : online.slice(0, 5);
  const assays = unit.tags.filter((each) => each.kind === "assay").map((each) => each.name);
  return (chosen.length ? chosen : assays.slice(0, 6)).map((each) => `${unit.id}.${each}`);
}

/** True when no probe of a unit tells anything now: then no alarm does not mean that all is well. */
function blind(unit: Vessel): boolean {
  const online = unit.tags.filter((each) => each.kind === "online");
  const silent = (tag: Tag) => ["stale", "missing"].includes(trust(tag, reading(tag.id).value));
  return heardAll.value && online.length > 0 && online.every(silent);
}

/** Alarms raised before the present batch of their unit: they are still to be acknowledged, apart from its own. */
function Former({ of }: { of: Alarm[] }) {
  if (of.length === 0) return null;
  return (
    <section class="former" aria-label={t("card.former")}>
      <h3 class="quiet">{t("card.former")}</h3>
      {of.map((each) => (
        <DriftCard key={each.id} alarm={each} />
      ))}
    </section>
  );
}

export function Cards({ of, about, none = "card.none" }: { of: (alarm: Alarm) => boolean; about: Tag[]; none?: Key }) {
  const open = byUrgency(calling.value.filter(of));
  const held = notes(about, of);
  return (
    <div class="cards">
      {open.length + held.length === 0 ? <p class="quiet panel">{t(unkept.value ? "alarms.unkept" : none)}</p> : null}
      {held.length ? (
        <ul class="notes panel" role="note">
          {held.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      ) : null}
      {open.filter((each) => !isFormer(each)).map((each) => (
        <DriftCard key={each.id} alarm={each} />
      ))}
      <Former of={open.filter(isFormer)} />
    </div>
  );
}

function Trends({ unit }: { unit: Vessel }) {
  const names = stack(unit);
  return (
    <section class="trends panel" aria-labelledby="trends">
      <header>
        <h2 id="trends">{t("trends.title")}</h2>
        <Ranges />
        <Legend />
      </header>
      {names.map((each, i) => (
        <Trend key={each} vessel={unit} name={each} xAxis={i === names.length - 1} />
      ))}
    </section>
  );
}

export function UnitPage({ id }: { id: string }) {
  const unit = vessel(id);
  if (!unit) {
    return (
      <p class="empty">
        {t("unit.none", { id })} <a href={to("")}>{t("back.line")}</a>
      </p>
    );
  }
  return (
    <div class="unit-page">
      <header class="head">
        <h2>
          {unit.id} {unit.name[language.value] === unit.id ? null : <small>{unit.name[language.value]}</small>}
        </h2>
        <BatchLine vessel={unit} />
        {unit.batch?.ended ? null : <HealthMark asset={unit.id} />}
        {unit.batch ? <Papers asset={unit.id} /> : null}
        {unit.batch ? <EndBatch asset={unit.id} /> : null}
        {may("engineer") && unit.process ? <a href={to("what-if", unit.id)}>{t("whatif.open")}</a> : null}
      </header>
      <div class="in-place">
        <Mimic vessel={unit} />
        <LiveValues vessel={unit} />
      </div>
      <Trends unit={unit} />
      <aside>
        <Cards of={({ event }) => event.asset === unit.id} about={unit.tags} none={blind(unit) ? "card.blind" : "card.none"} />
        <Beliefs vessel={unit} />
      </aside>
    </div>
  );
}
