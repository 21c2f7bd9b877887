// Alarms: what calls, what is put aside, how good the alarms are, and their log.
import { useEffect, useState } from "preact/hooks";
import { phaseName } from "../parts/batch";
import { DriftCard } from "../parts/drift-card";
import { stateName } from "../parts/mark";
import { type Alarm, type Figures, get, type Move } from "../state/api";
import { now } from "../state/clock";
import { alarms, aside, calling, phaseOf, unkept } from "../state/live";
import { HOUR } from "../state/route";
import { refused } from "../state/session";
import { byUrgency } from "../state/urgency";
import { duration, number, percent, stamp } from "../text/format";
import { type Key, t } from "../text/language";
import { alarmName, subject, title } from "../text/words";

const SPANS: [Key, number][] = [
  ["figures.day", 24],
  ["figures.week", 168],
  ["figures.month", 720],
];

/** One figure with the value that ISA-18.2 and EEMUA 191 aim at. */
function Figure({ name, value, aim, met }: { name: Key; value: string; aim: string; met: boolean }) {
  return (
    <tr class={met ? "" : "missed"}>
      <th scope="row">{t(name)}</th>
      <td class="amount figure">{value}</td>
      <td>{aim}</td>
      <td>{met ? "" : `■ ${t("figures.missed")}`}</td>
    </tr>
  );
}

const called = (id: string) => alarmName(id).filter(Boolean).join(", ");
const listed = (names: string[]) => (names.length ? `${number(names.length, 0)}: ${names.slice(0, 5).map(called).join("; ")}` : "0");

function Named({ id }: { id: string }) {
  const [what, of] = alarmName(id);
  return (
    <>
      {what} <small>{of}</small>
    </>
  );
}

function Table({ of }: { of: Figures }) {
  const aim = (text: string) => t("figures.aim", { aim: text });
  return (
    <table>
      <tbody>
        <Figure name="figures.raised" value={number(of.raised, 0)} aim="" met />
        <Figure name="figures.mean" value={number(of.per_10min, 2)} aim={aim("≤ 1")} met={of.per_10min <= 1} />
        <Figure name="figures.most" value={number(of.most_per_10min, 0)} aim={aim("≤ 10")} met={of.most_per_10min <= 10} />
        <Figure name="figures.crowded" value={percent(of.crowded)} aim={aim("< 1 %")} met={of.crowded < 0.01} />
        <Figure name="figures.flood" value={percent(of.flood)} aim={aim("< 1 %")} met={of.flood < 0.01} />
        <Figure name="figures.chattering" value={listed(of.chattering)} aim={aim("0")} met={of.chattering.length === 0} />
        <Figure name="figures.fleeting" value={listed(of.fleeting)} aim={aim("0")} met={of.fleeting.length === 0} />
        <Figure name="figures.stale" value={listed(of.stale)} aim={aim("< 5")} met={of.stale.length < 5} />
        <Figure name="figures.top" value={percent(of.top_share)} aim="" met />
        <Figure
          name="figures.priorities"
          value={of.priorities.map(([name, count]) => `${t(`letter.${name}`)} ${number(count, 0)}`).join(" · ")}
          aim=""
          met
        />
        <Figure name="figures.shelved" value={number(of.shelved, 0)} aim="" met />
        <Figure name="figures.suppressed" value={number(of.suppressed, 0)} aim="" met />
      </tbody>
    </table>
  );
}

function Performance() {
  const [hours, setHours] = useState(24);
  const [found, setFound] = useState<Figures | null>(null);
  useEffect(() => {
    const end = now.peek();
    const iso = (ms: number) => new Date(ms).toISOString();
    get<Figures>("alarms/figures", { start: iso(end - hours * HOUR), end: iso(end) })
      .then(setFound)
      .catch(refused);
  }, [hours, alarms.value.length]);
  return (
    <section class="panel figures" aria-labelledby="figures">
      <h2 id="figures">{t("figures.title")}</h2>
      <div class="ranges" role="group" aria-label={t("range.title")}>
        {SPANS.map(([name, length]) => (
          <button key={name} aria-pressed={length === hours} onClick={() => setHours(length)}>
            {t(name)}
          </button>
        ))}
      </div>
      {found ? <Table of={found} /> : null}
      {found?.top.length ? (
        <>
          <h3>{t("figures.often")}</h3>
          <ol class="often">
            {found.top.map(([name, count]) => (
              <li key={name}>
                <b class="figure">{number(count, 0)}</b> <Named id={name} />
              </li>
            ))}
          </ol>
        </>
      ) : null}
      <p class="quiet">{t("figures.help")}</p>
    </section>
  );
}

/** Who put an alarm aside and why: a person, or the design of the line in a phase. */
const reasonOf = (alarm: Alarm) =>
  phaseOf(alarm) ? t("alarms.phase", { phase: phaseName(phaseOf(alarm)) }) : `${alarm.by}: ${alarm.why}`;

function Aside() {
  if (aside.value.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="aside">
      <h2 id="aside">{t("alarms.put")}</h2>
      {aside.value.map((each: Alarm) => (
        <details key={each.id} class="aside-row">
          <summary>
            {title(each.event)} <small>{subject(each.event)}</small> · {stateName(each)}
            {each.until ? ` ${t("alarms.until", { time: duration(Date.parse(each.until) - now.value) })}` : ""} · {reasonOf(each)}
          </summary>
          <DriftCard alarm={each} />
        </details>
      ))}
    </section>
  );
}

function Log() {
  const [rows, setRows] = useState<Move[]>([]);
  useEffect(() => {
    get<Move[]>("alarms/log").then(setRows).catch(refused);
  }, [alarms.value]);
  return (
    <section class="panel" aria-labelledby="log">
      <h2 id="log">
        {t("log.title")} <a href="api/v1/alarms/log.csv">CSV</a>
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="log">
        <table class="stacks">
          <tbody>
            {[...rows].reverse().slice(0, 200).map((each, i) => (
              <tr key={i}>
                <td data-label={t("trail.when")}>{stamp(Date.parse(each.t))}</td>
                <th scope="row">
                  <Named id={each.alarm} />
                </th>
                <td data-label={t("trail.change")}>
                  {t(`state.${each.old}`)} → {t(`state.${each.new}`)}
                </td>
                <td data-label={t("trail.who")}>{[each.by, each.why].filter(Boolean).join(": ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length ? null : <p class="quiet">{t("log.none")}</p>}
    </section>
  );
}

export function AlarmsPage() {
  const open = byUrgency(calling.value);
  return (
    <div class="alarms-page">
      <div class="cards">
        {open.length ? null : <p class="quiet panel">{t(unkept.value ? "alarms.unkept" : "alarms.none")}</p>}
        {open.map((each) => (
          <DriftCard key={each.id} alarm={each} />
        ))}
        <Aside />
      </div>
      <div class="cards">
        <Performance />
        <Log />
      </div>
    </div>
  );
}
