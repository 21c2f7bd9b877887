// L3, thin: one quantity against the twin, what is known of it, and its events.
import type { Tag } from "../state/api";
import { beliefNames, events, heardAll, tags, vessel } from "../state/live";
import { to } from "../state/route";
import { concerns } from "../state/urgency";
import { duration, nameOf, number, time, withUnit } from "../text/format";
import { message, t } from "../text/language";
import { kindName, size, title } from "../text/words";
import { SpreadPanel } from "../parts/spread";
import { tagDigits } from "../parts/value";
import { Legend, Ranges } from "../trend/ranges";
import { limits } from "../trend/plot";
import { Trend } from "../trend/trend";
import { Cards } from "./unit";

function About({ tag }: { tag: Tag }) {
  const show = (value: number | null) => (value === null ? "…" : number(value, tagDigits(tag)));
  const { low_low, low, high, high_high } = tag.limits;
  const rows = [
    [t("tag.instrument"), tag.instrument],
    [t("tag.range"), withUnit(`${show(tag.low)} – ${show(tag.high)}`, tag.unit)],
    [t("tag.limits"), limits(tag).length ? withUnit([low_low, low, high, high_high].map(show).join(" / "), tag.unit) : ""],
    [t("tag.accuracy"), withUnit(number(tag.accuracy, tagDigits(tag)), tag.unit)],
    [t("tag.period"), duration(tag.period_s * 1000)],
    [t("tag.silence"), duration(tag.silence_s * 1000)],
  ];
  return (
    <section class="about panel">
      <h2>{t("tag.about")}</h2>
      <dl>
        {rows.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text || "--"}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Events({ id }: { id: string }) {
  const rows = events.value.filter((each) => each.tag === id || concerns(each, id));
  return (
    <section class="events panel">
      <h2>{t("tag.events")}</h2>
      {rows.length === 0 ? <p class="quiet">{t("tag.noevents")}</p> : null}
      <ol>
        {rows.slice(-50).reverse().map((each) => (
          <li key={each.number}>
            <time>{time(Date.parse(each.t))}</time> {title(each)}
            <small>
              {kindName(each)} · {message(`stage.${each.stage}`) ?? each.stage} {size(each) ?? ""}
            </small>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function TagPage({ id }: { id: string }) {
  const unit = vessel(id.split(".")[0] ?? "");
  const tag = tags.value.get(id);
  const known = tag !== undefined || beliefNames.value.includes(id);
  if (!unit || (heardAll.value && !known)) {
    return (
      <p class="empty">
        {t("tag.none", { id })} <a href={to("")}>{t("back.line")}</a>
      </p>
    );
  }
  return (
    <div class="tag-page">
      <header class="head">
        <h2>
          <a href={to("unit", unit.id)}>{unit.id}</a> {nameOf(id)}
        </h2>
        <Ranges />
        <Legend />
      </header>
      <section class="trends panel">
        <Trend vessel={unit} name={id} xAxis />
      </section>
      <aside>
        <Cards of={({ event }) => concerns(event, id) === true} about={tag ? [tag] : []} />
        {tag ? <About tag={tag} /> : null}
      </aside>
      {tag ? <SpreadPanel key={id} vessel={unit} tag={tag} /> : null}
      <Events id={id} />
    </div>
  );
}
