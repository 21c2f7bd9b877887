import type { Vessel } from "../state/api";
import { belief, beliefNames, reading, tags } from "../state/live";
import { age, silent, trust } from "../state/quality";
import { to } from "../state/route";
import { digitsFor, duration, nameOf, number, unit, withUnit } from "../text/format";
import { t } from "../text/language";
import { related } from "../trend/related";
import { NextSampleLine } from "./next-sample";

const ORDER = ["VCD", "viability", "glucose", "lactate", "ammonia", "titre", "kLa", "OUR", "growth_rate"];

/** States of the twin worth reading: what no probe shows, best known first. */
function names(vessel: Vessel): string[] {
  const all = beliefNames.value.filter((each) => each.startsWith(`${vessel.id}.`));
  const own = all.filter((each) => each.startsWith(`${vessel.id}.est_`));
  const hidden = own.length ? own : all.filter((each) => tags.value.get(each)?.kind !== "online");
  const rank = (name: string) => ORDER.indexOf(name.slice(vessel.id.length + 1).replace("est_", "")) + 1 || 99;
  return hidden.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function Sample({ name, digits }: { name: string; digits: number }) {
  const { lab, assay } = related(name);
  const tag = lab ?? (assay ? tags.value.get(name) : undefined);
  const last = tag && reading(tag.id).value;
  if (!last || last.value === null) return null;
  const value = withUnit(number(last.value, digits), tag.unit);
  const state = trust(tag, last);
  const text = t("beliefs.lab", { value, age: duration(age(last)) });
  if (state !== "bad") return <small>{text}</small>;
  return (
    <small class="doubt">
      <s>{text}</s> {t("trust.bad")}
    </small>
  );
}

function Row({ name }: { name: string }) {
  const now = belief(name).value;
  if (!now) return null;
  const digits = digitsFor(now.sd);
  return (
    <li data-belief={name} class={silent(now) ? "stale" : ""}>
      <a href={to("tag", name)}>{nameOf(name)}</a>
      <span class="figure">
        {number(now.mean, digits)} <small>± {number(2 * now.sd, digits)}</small>{" "}
        <span class="unit">{unit(now.unit || (tags.value.get(name)?.unit ?? ""))}</span>
      </span>
      {silent(now) ? <small class="doubt">{t("beliefs.old", { age: duration(age(now)) })}</small> : null}
      <Sample name={name} digits={digits} />
    </li>
  );
}

export function Beliefs({ vessel }: { vessel: Vessel }) {
  const shown = names(vessel);
  return (
    <section class="beliefs panel" aria-labelledby="beliefs">
      <h2 id="beliefs">{t("beliefs.title")}</h2>
      {shown.length === 0 ? <p class="quiet">{t("beliefs.none")}</p> : null}
      <ul>
        {shown.map((each) => (
          <Row key={each} name={each} />
        ))}
      </ul>
      {vessel.process ? <NextSampleLine vessel={vessel} /> : null}
    </section>
  );
}
