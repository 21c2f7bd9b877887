// What is to come, as the twin forecast it last: the gist of every unit, and the bands of one when asked for.
import { signal } from "@preact/signals";
import { get } from "./api";
import { now } from "./clock";
import { epoch } from "./playback";
import { HOUR } from "./route";

export interface Exit {
  tag: string;
  low: number | null;
  high: number | null;
  probability: number;
  likely: string | null;
  sure: string | null;
}

export interface Harvest {
  early: string;
  at: string;
  late: string;
  reason: "plan" | "viability";
  titre: [number, number, number] | [];
  unit: string;
}

export interface Forecast {
  asset: string;
  made: string;
  until: string;
  exits: Exit[];
  harvest: Harvest | null;
}

export interface Ahead {
  unit: string;
  low: number[];
  middle: number[];
  high: number[];
}

export interface Whole extends Forecast {
  t: number[];
  bands: Record<string, Ahead>;
}

/** Older than this on the line's clock a forecast is not shown any more: three were missed. */
const OLD_MS = HOUR;
const EVERY_MS = 5000;

const forecasts = signal<Map<string, Forecast>>(new Map());

/** The forecast of a unit that still counts. */
export function forecast(asset: string): Forecast | undefined {
  const found = forecasts.value.get(asset);
  return found && now.value - Date.parse(found.made) < OLD_MS ? found : undefined;
}

/** The first limit of a unit that is left with even odds within `hours`. */
export function nextExit(asset: string, hours: number): Exit | undefined {
  const until = now.value + hours * HOUR;
  return forecast(asset)?.exits.find((each) => each.likely !== null && Date.parse(each.likely) < until);
}

const wholes = new Map<string, Promise<Whole | undefined>>();

/** Bands of everything that is forecast of a unit; asked for once for each forecast. */
export function whole(asset: string): Promise<Whole | undefined> {
  const made = forecast(asset)?.made;
  if (!made) return Promise.resolve(undefined);
  const known = wholes.get(asset + made);
  if (known) return known;
  for (const key of wholes.keys()) if (key.startsWith(asset)) wholes.delete(key);
  const asked = get<Whole>("forecast", { asset }).catch(() => undefined);
  wholes.set(asset + made, asked);
  return asked;
}

async function read(): Promise<void> {
  const rows = await get<Forecast[]>("forecasts").catch(() => undefined); // the stream says when nobody answers
  if (rows) forecasts.value = new Map(rows.map((each) => [each.asset, each]));
}

/** Ask for the newest forecasts now and then, and when the line's time has jumped. */
export function follow(): void {
  epoch.subscribe(() => void read());
  setInterval(() => void read(), EVERY_MS);
}
