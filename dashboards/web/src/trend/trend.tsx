// One trend: measured against the twin, with set point, limits, samples and the time of faults.
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { tagDigits, Value } from "../parts/value";
import type { Vessel } from "../state/api";
import { now } from "../state/clock";
import { alarms, belief, snapshots, tags } from "../state/live";
import { epoch } from "../state/playback";
import { fix, route, to } from "../state/route";
import { batchAge, digitsFor, nameOf, number, time, unit, withUnit } from "../text/format";
import { type Key, language, t } from "../text/language";
import { Chart } from "./chart";
import { faults, hueOf, related } from "./related";
import { key, shown, wheel } from "./window";


interface Props {
  vessel: Vessel;
  name: string;
  xAxis: boolean;
}


/** The value at a row, or the nearest one before it. */
function nearest(column: (number | null | undefined)[] | undefined, i: number): number | null {
  for (let k = i; k >= Math.max(0, i - 200); k--) {
    const value = column?.[k];
    if (value !== undefined) return value;
  }
  return null;
}

/** What the cursor points at: clock, batch age, measured, twin. */
function pointed(u: uPlot, vessel: Vessel, say: (value: number) => string): string {
  const i = u.cursor.idx;
  const at = i === null || i === undefined ? undefined : u.data[0][i];
  if (i === null || i === undefined || at === undefined) return "";
  const old = vessel.batch ? batchAge(at * 1000 - Date.parse(vessel.batch.start)) : "";
  const part = (name: Key, column: number) => {
    const value = nearest(u.data[column] as (number | null | undefined)[], i);
    return value === null ? "" : `${t(name).split(",")[0]} ${say(value)}`;
  };
  return [time(at * 1000), old, part("legend.measured", 4), part("legend.twin", 3)].filter(Boolean).join(" · ");
}

export function Trend({ vessel, name, xAxis }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const text = useRef<HTMLSpanElement>(null);
  const chart = useRef<Chart | null>(null);
  const [problem, setProblem] = useState("");
  const [bare, setBare] = useState(false);
  const tag = tags.value.get(name);
  const hue = hueOf(name);
  const code = tag?.unit ?? belief(name).peek()?.unit ?? "";
  const search = route.value.query.toString();

  useEffect(() => {
    if (!box.current) return;
    const names = related(name);
    const digits = tag ? tagDigits(tag) : digitsFor(belief(name).peek()?.sd ?? 0.01);
    const readout = (u: uPlot) => {
      if (text.current) text.current.textContent = pointed(u, vessel, (value) => withUnit(number(value, digits), code));
    };
    const labAccuracy = names.lab?.accuracy ?? tag?.accuracy ?? 0;
    const look = { hue: `--${hue}`, tag, labAccuracy, axes: true, xAxis, format: number, readout, choose: fix, faults: () => faults(name) };
    const fresh = new Chart(box.current, () => shown(vessel), tag, names, look, (reason, empty) => {
      setProblem(reason && t("trend.failed", { reason }));
      setBare(empty);
    });
    chart.current = fresh;
    return () => fresh.close();
  }, [language.value, name, xAxis]);

  useEffect(() => chart.current?.read(), [search, language.value, name, epoch.value, snapshots.value]);

  const live = !route.value.query.has("from");
  useEffect(() => {
    if (live && !document.hidden) chart.current?.follow();
  }, [now.value, alarms.value]);

  return (
    <figure class="trend" data-trend={name}>
      <figcaption>
        <a class="name" href={to("tag", name)}>
          <i class={`key ${hue}`} />
          {nameOf(name)}
        </a>
        {tag && tag.kind !== "assay" ? <Value tag={tag} /> : <span class="unit">{unit(code)}</span>}
        <span class="readout" ref={text} />
      </figcaption>
      <div
        class={xAxis ? "plot timed" : "plot"}
        ref={box}
        tabIndex={0}
        role="img"
        aria-label={t("trend.label", { name: nameOf(name) })}
        onKeyDown={(event) => key(event, shown(vessel))}
        onWheel={(event) => wheel(event, shown(vessel))}
      />
      {problem || bare ? <p class="quiet over">{problem || t("trend.empty")}</p> : null}
    </figure>
  );
}
