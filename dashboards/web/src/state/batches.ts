// Batches the line has run, and the playback of one of them that whoever looks has open.
import { signal } from "@preact/signals";
import { get, NoContact, send } from "./api";
import { language } from "../text/language";

export interface StoredBatch {
  vessel: string;
  batch: string;
  start: string;
  end: string;
  planned_h: number;
  running: boolean;
  early: boolean;
  models: string[];
}

export interface Opened {
  key: string;
  vessel: string;
  batch: string;
  place: string;
}

export interface Batches {
  batches: StoredBatch[];
  open: Opened | null;
}

/** What became of a playback; `then` was opened in its place. */
export interface Fate {
  open: boolean;
  vessel?: string;
  batch?: string;
  why?: "closed" | "replaced" | "idle" | "died";
  then?: { vessel: string; batch: string } | null;
}

export const getBatches = () => get<Batches>("batches");

/** Where a playback shows its unit. */
export const placeOf = ({ place, vessel }: Opened) => `${place}#/unit/${encodeURIComponent(vessel)}?range=batch&lang=${language.peek()}`;

/** Open a batch; `instead` is the playback of the same person that is closed for it. */
export const openBatch = ({ vessel, batch }: StoredBatch, instead = "") =>
  send<Opened>("playbacks", instead ? { vessel, batch, instead } : { vessel, batch });

export const getFate = (key: string) => get<Fate>(`playbacks/${encodeURIComponent(key)}`);

export const closeBatch = (key: string) => send<object>(`playbacks/${key}`, {}, "DELETE");

/** The playback that these pages are of, when they were opened from a running line; its pages lie two folders below. */
const here = /\/play\/([^/]+)\/$/.exec(location.pathname)?.[1];
const LIVE = "../../";

export const opened = here !== undefined;

/** What became of the playback that these pages are of, once it is not open any more. */
export const over = signal<Fate | null>(null);

/** A question to the playback failed: ask the running line whether it is open still. */
export async function askFate(error: unknown): Promise<void> {
  if (here === undefined || over.peek() || error instanceof NoContact) return;
  const response = await fetch(`${LIVE}api/v1/playbacks/${here}`);
  const fate = response.ok ? ((await response.json()) as Fate) : null;
  if (fate && !fate.open) over.value = fate;
}

export const LIST = `${LIVE}#/batches`;

/** Close the playback that these pages are of, and go back to the list of batches. */
export async function leave(): Promise<void> {
  await fetch(`${LIVE}api/v1/playbacks/${here}`, { method: "DELETE" });
  location.assign(`${LIVE}#/batches?lang=${language.peek()}`);
}
