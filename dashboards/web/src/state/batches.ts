// Batches the line has run, and the playback of one of them that whoever looks has open.
import { get, send } from "./api";
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

export const getBatches = () => get<Batches>("batches");

/** Where a playback shows its unit. */
export const placeOf = ({ place, vessel }: Opened) => `${place}#/unit/${encodeURIComponent(vessel)}?range=batch&lang=${language.peek()}`;

export const openBatch = ({ vessel, batch }: StoredBatch) => send<Opened>("playbacks", { vessel, batch });

export const closeBatch = (key: string) => send<object>(`playbacks/${key}`, {}, "DELETE");

/** The playback that these pages are of, when they were opened from a running line; its pages lie two folders below. */
const here = /\/play\/([^/]+)\/$/.exec(location.pathname)?.[1];
const LIVE = "../../";

export const opened = here !== undefined;

/** Close the playback that these pages are of, and go back to the list of batches. */
export async function leave(): Promise<void> {
  await fetch(`${LIVE}api/v1/playbacks/${here}`, { method: "DELETE" });
  location.assign(`${LIVE}#/batches?lang=${language.peek()}`);
}
