// The series of one trend: read from the service, carried on by the live stream, joined for drawing.
import uPlot from "uplot";
import { type Belief, getTrend, type Reading, type Tag } from "../state/api";
import { now } from "../state/clock";
import { type Ahead, whole } from "../state/forecasts";

export interface Series {
  t: number[];
  v: (number | null)[];
}

export interface Data {
  measured: Series;
  mean: Series;
  sd: (number | null)[];
  wanted: Series;
  lab: Series;
  ahead: (Ahead & { t: number[] }) | undefined;
}

export const POINTS = 600;
const KEPT = 20_000;

export const empty = (): Data => ({
  measured: { t: [], v: [] },
  mean: { t: [], v: [] },
  sd: [],
  wanted: { t: [], v: [] },
  lab: { t: [], v: [] },
  ahead: undefined,
});

export interface Names {
  name: string;
  wanted: Tag | undefined;
  lab: Tag | undefined;
  /** True when the quantity is itself measured in the laboratory. */
  assay: boolean;
}

/** Read everything one trend shows between two times [ms]. */
export async function load(names: Names, from: number, until: number): Promise<Data> {
  const read = (name: string | undefined) => (name ? getTrend(name, from, until, POINTS) : undefined);
  const parts = [read(names.name), read(names.wanted?.id), read(names.lab?.id)];
  const [own, wanted, lab] = await Promise.all(parts);
  const ahead = await foreseen(names.name, until);
  const series = (part: typeof own): Series => ({ t: part?.measured.t ?? [], v: part?.measured.value ?? [] });
  return {
    measured: names.assay ? { t: [], v: [] } : series(own),
    mean: { t: own?.twin.t ?? [], v: own?.twin.mean ?? [] },
    sd: own?.twin.sd ?? [],
    wanted: series(wanted),
    lab: series(names.assay ? own : lab),
    ahead,
  };
}

/** The band of what is to come, when the time shown reaches beyond now; a sample's is that of its estimate. */
async function foreseen(name: string, until: number): Promise<Data["ahead"]> {
  const [asset = "", short = ""] = name.split(".");
  const found = until > now.peek() ? await whole(asset) : undefined;
  const band = found?.bands[name] ?? found?.bands[`${asset}.est_${short}`];
  return band && found ? { ...band, t: found.t } : undefined;
}

const last = (series: Series) => series.t.at(-1) ?? Number.NEGATIVE_INFINITY;

export function addReading(series: Series, reading: Reading | undefined): void {
  if (!reading) return;
  const t = Date.parse(reading.t) / 1000;
  if (t <= last(series) || series.t.length > KEPT) return;
  series.t.push(t);
  series.v.push(reading.quality === "bad" ? null : reading.value);
}

export function addBelief(data: Data, belief: Belief | undefined): void {
  if (!belief) return;
  const t = Date.parse(belief.t) / 1000;
  if (t <= last(data.mean) || data.mean.t.length > KEPT) return;
  data.mean.t.push(t);
  data.mean.v.push(belief.mean);
  data.sd.push(belief.sd);
}

/** Where nothing came for longer than `silence` [s], the line is interrupted. */
function interrupted(series: Series, silence: number): Series {
  const t: number[] = [];
  const v: (number | null)[] = [];
  series.t.forEach((time, i) => {
    const before = t.at(-1);
    if (before !== undefined && time - before > silence) {
      t.push(before + silence / 2);
      v.push(null);
    }
    t.push(time);
    v.push(series.v[i] ?? null);
  });
  return { t, v };
}

/** A set point holds until it is changed: carried to the end of the time shown [s]. */
function held(series: Series, until: number): Series {
  const value = series.v.at(-1);
  if (value === undefined || last(series) >= until) return series;
  return { t: [...series.t, until], v: [...series.v, value] };
}

/** Joined columns: time, upper and lower edge of the band, mean, measured, set point, laboratory, forecast. */
export function columns(data: Data, silence: number, until: number): uPlot.AlignedData {
  const { mean, sd } = data;
  const edge = (sign: number) => mean.v.map((m, i) => (m === null ? null : m + sign * 2 * (sd[i] ?? 0)));
  const measured = interrupted(data.measured, silence);
  const wanted = held(data.wanted, until);
  const { t = [], low = [], middle = [], high = [] } = data.ahead ?? {};
  return uPlot.join([
    [mean.t, edge(1), edge(-1), mean.v],
    [measured.t, measured.v],
    [wanted.t, wanted.v],
    [data.lab.t, data.lab.v],
    [t, high, low, middle],
  ]);
}
