// What if: other feeds, set points, harvest or faults, answered by the twin beside the run as it is.
import { useEffect, useState } from "preact/hooks";
import { Broken } from "../parts/broken";
import type { Tag } from "../state/api";
import type { Whole } from "../state/forecasts";
import { tags, vessel } from "../state/live";
import { route, set, to } from "../state/route";
import { refused } from "../state/session";
import { amount, type Answer, ask, type Change, file, type Knob, knobs, MOST, parse, type Scenario, write } from "../state/whatif";
import { between, decimal, digitsFor, nameOf, number, percent, time, unit } from "../text/format";
import { language, maybe, message, t } from "../text/language";
import { reason } from "../text/words";
import { Overlay } from "../trend/overlay";

const SHOWN = ["est_titre", "est_VCD", "est_viability", "est_glucose", "est_lactate", "pH", "pO2", "pCO2"];
/** A change to begin with, as the reader writes numbers. */
const first = (): Change => ({ what: "feed_factor", value: number(1.2, 1), in_h: "0" });

/** Scenarios of an address, as the reader writes numbers. */
const read = (text: string | null): Scenario[] =>
  parse(text).map(({ name, changes }) => ({
    name,
    changes: changes.map(({ what, value, in_h }) => ({ what, value: decimal(value), in_h: decimal(in_h) })),
  }));

const knobName = (each: Knob) =>
  each.fault ? (message(`cause.${each.name}.name`, { asset: "", tag: "" }) ?? each.name) : maybe(`knob.${each.name}`, nameOf(each.name));

/** Range of a knob, such as "0 – 40 mL/h". */
function bounds(knob: Knob): string {
  const code = unit(knob.unit);
  const ends = [knob.low, knob.high];
  const digits = Math.max(...ends.map((each) => (each ? digitsFor(Math.abs(each) / 50, 4) : 0)));
  return `${ends.map((each) => number(each, digits)).join(" – ")} ${knob.rate ? `${code}/h` : code}`.trim();
}

/** Why scenarios can not be asked as they are written; empty when they can. */
function unfit(scenarios: Scenario[], known: Knob[]): string {
  if (scenarios.some(({ name }) => name.trim() === "")) return t("whatif.nameless");
  for (const { name, changes } of scenarios) {
    for (const { what, value, in_h } of changes) {
      const knob = known.find((each) => each.name === what);
      const called = knob ? knobName(knob) : what;
      const such = number(1.2, 1);
      if (!Number.isFinite(amount(value))) return t("whatif.number", { name, what: called, value, such });
      if (!Number.isFinite(amount(in_h))) return t("whatif.number", { name, what: `${called}, ${t("whatif.in")}`, value: in_h, such });
    }
  }
  return "";
}

const wrong = (knob: Knob | undefined, value: string) => !knob || !(amount(value) >= knob.low && amount(value) <= knob.high);

interface RowProps {
  of: Change;
  known: Knob[];
  change: (to: Partial<Change>) => void;
  remove: () => void;
}

function Row({ of, known, change, remove }: RowProps) {
  const knob = known.find(({ name }) => name === of.what);
  const text = (event: Event) => (event.currentTarget as HTMLInputElement).value;
  const group = (fault: boolean) =>
    known
      .filter((each) => each.fault === fault)
      .map((each) => (
        <option key={each.name} value={each.name} selected={each.name === of.what}>
          {knobName(each)}
        </option>
      ));
  return (
    <li>
      <select aria-label={t("whatif.what")} onChange={(event) => change({ what: event.currentTarget.value })}>
        <optgroup label={t("whatif.settings")}>{group(false)}</optgroup>
        <optgroup label={t("whatif.faults")}>{group(true)}</optgroup>
      </select>
      <input
        aria-label={t("whatif.value")}
        inputMode="decimal"
        size={6}
        value={of.value}
        aria-invalid={wrong(knob, of.value)}
        onInput={(event) => change({ value: text(event) })}
      />
      <small>{knob ? bounds(knob) : ""}</small>
      <label>
        {t("whatif.in")}
        <input inputMode="decimal" size={4} value={of.in_h} onInput={(event) => change({ in_h: text(event) })} /> h
      </label>
      <button type="button" onClick={remove} aria-label={t("whatif.remove")}>
        ×
      </button>
    </li>
  );
}

interface EditorProps {
  at: number;
  of: Scenario;
  known: Knob[];
  change: (to: Scenario | null) => void;
}

function Editor({ at, of, known, change }: EditorProps) {
  const rows = (next: Change[]) => change({ ...of, changes: next });
  return (
    <fieldset class={`try try-${at + 1}`}>
      <legend>
        <i class="dash" />
        <input
          aria-label={t("whatif.name")}
          maxLength={40}
          value={of.name}
          onInput={(event) => change({ ...of, name: event.currentTarget.value })}
        />
        <button type="button" onClick={() => change(null)}>
          {t("whatif.drop")}
        </button>
      </legend>
      <ul>
        {of.changes.map((each, i) => (
          <Row
            key={i}
            of={each}
            known={known}
            change={(part) => rows(of.changes.map((old, k) => (k === i ? { ...old, ...part } : old)))}
            remove={() => rows(of.changes.filter((_, k) => k !== i))}
          />
        ))}
      </ul>
      <button type="button" onClick={() => rows([...of.changes, first()])}>
        {t("whatif.more")}
      </button>
    </fieldset>
  );
}

function spread([low = 0, middle, high = 0]: number[], code: string): string {
  if (middle === undefined) return "--";
  const digits = Math.max(1, digitsFor((high - low) / 4));
  return `${number(middle, digits)} (${number(low, digits)}–${number(high, digits)}) ${unit(code)}`;
}

function Outcome({ at, name, of }: { at: number; name: string; of: Whole }) {
  const end = of.harvest;
  return (
    <tr class={at ? `try-${at}` : ""}>
      <th scope="row">
        <i class="dash" /> {name}
      </th>
      <td class="figure">{end ? spread([...end.titre], end.unit) : "--"}</td>
      <td>
        {end ? between(end) : "--"}{" "}
        <small>{end ? t(end.reason === "viability" ? "ahead.viability" : "ahead.plan") : ""}</small>
      </td>
      <td>
        <ul class="plain">
          {of.exits.map((each) => (
            <li key={each.tag}>
              {nameOf(each.tag)} {percent(each.probability)}
              {each.likely ? `, ${t("whatif.about", { time: time(Date.parse(each.likely)) })}` : ""}
            </li>
          ))}
        </ul>
      </td>
    </tr>
  );
}

function Outcomes({ of }: { of: Answer }) {
  return (
    <table class="outcomes">
      <thead>
        <tr>
          {(["whatif.scenario", "whatif.titre", "whatif.end", "whatif.limits"] as const).map((key) => (
            <th key={key} scope="col">
              {t(key)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <Outcome at={0} name={t("whatif.base")} of={of.base} />
        {of.scenarios.map((each, i) => (
          <Outcome key={each.name} at={i + 1} name={each.name} of={each} />
        ))}
      </tbody>
    </table>
  );
}

function Results({ of }: { of: Answer }) {
  const names = SHOWN.map((each) => `${of.asset}.${each}`).filter((each) => each in of.base.bands);
  const all = [of.base, ...of.scenarios];
  const tagOf = (name: string): Tag | undefined => tags.value.get(name) ?? tags.value.get(name.replace(".est_", "."));
  return (
    <section class="panel answer" aria-label={t("whatif.answer")} aria-live="polite">
      <p class="quiet">{t("whatif.made", { time: time(Date.parse(of.base.made)) })}</p>
      <Outcomes of={of} />
      <div class="overlays">
        {names.map((each) => (
          <Overlay key={each} name={each} tag={tagOf(each)} forecasts={all} />
        ))}
      </div>
    </section>
  );
}

function save(scenarios: Scenario[]): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file(scenarios)], { type: "application/yaml" }));
  link.download = "what-if.yaml";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function WhatIfPage({ id }: { id: string }) {
  const unit = vessel(id);
  const [known, setKnown] = useState<Knob[]>([]);
  const [scenarios, setScenarios] = useState<Scenario[]>(read(route.value.query.get("ask")));
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const failed = (error: Error) => {
    refused(error);
    setAnswer(null); // what was answered before is no answer to this
    setProblem(reason(error));
  };
  const put = (next: Scenario[]) => {
    setScenarios(next);
    set({ ask: next.length ? write(next) : null });
  };
  const go = () => {
    const odd = unfit(scenarios, known);
    setProblem(odd);
    if (odd) return setAnswer(null);
    setBusy(true);
    ask(id, scenarios)
      .then(setAnswer)
      .catch(failed)
      .finally(() => setBusy(false));
  };
  useEffect(() => {
    knobs(id).then(setKnown).catch(failed);
    if (scenarios.length) go();
  }, [id]);
  if (!unit) return <p class="empty">{t("unit.none", { id })}</p>;
  const add = () => put([...scenarios, { name: t("whatif.new", { number: scenarios.length + 1 }), changes: [first()] }]);
  return (
    <div class="what-if-page">
      <header class="head">
        <h2>
          <a href={to("unit", id)}>{id}</a> · {t("whatif.title")}{" "}
          {unit.name[language.value] === id ? null : <small>{unit.name[language.value]}</small>}
        </h2>
        <p>{t("whatif.frame")}</p>
      </header>
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          go();
        }}
      >
        {scenarios.length === 0 ? <p class="quiet">{t("whatif.empty")}</p> : null}
        {scenarios.map((each, i) => (
          <Editor
            key={i}
            at={i}
            of={each}
            known={known}
            change={(next) => put(next ? scenarios.map((old, k) => (k === i ? next : old)) : scenarios.filter((_, k) => k !== i))}
          />
        ))}
        <p class="actions">
          <button type="button" onClick={add} disabled={scenarios.length >= MOST || known.length === 0}>
            {t("whatif.add")}
          </button>
          <button type="submit" disabled={busy || scenarios.length === 0}>
            {t(busy ? "whatif.busy" : "whatif.ask")}
          </button>
          <button type="button" onClick={() => save(scenarios)} disabled={scenarios.length === 0}>
            {t("whatif.save")}
          </button>
          <Broken text={problem} />
        </p>
      </form>
      {answer ? <Results of={answer} /> : null}
    </div>
  );
}
