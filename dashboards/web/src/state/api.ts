// The service's interface as types; names and units are those of /api/v1.

export interface Limits {
  low_low: number | null;
  low: number | null;
  high: number | null;
  high_high: number | null;
}

export interface Tag {
  id: string;
  asset: string;
  name: string;
  quantity: string;
  unit: string;
  low: number;
  high: number;
  accuracy: number;
  period_s: number;
  silence_s: number;
  on_delay_s: number;
  instrument: string;
  kind: "online" | "setpoint" | "assay";
  limits: Limits;
}

export interface Batch {
  id: string;
  start: string;
  volume_l: number;
  hours: number;
  /** When it ended before its plan; null while it runs. */
  ended: string | null;
}

export interface Vessel {
  id: string;
  name: Record<string, string>;
  process: string;
  form: "vessel" | "tank" | "filter" | "column";
  feeds: string[];
  batch: Batch | null;
  tags: Tag[];
}

export interface Line {
  id: string;
  title: Record<string, string>;
  site: string;
  origin: "plant" | "simulated" | "replay";
  speed: number;
  now: string;
  languages: string[];
  vessels: Vessel[];
}

export interface Reading {
  t: string;
  value: number | null;
  quality: "good" | "uncertain" | "bad" | "stale";
}

export interface Belief {
  t: string;
  mean: number;
  sd: number;
  unit: string;
}

export interface Cause {
  code: string;
  verdict: string;
  asset: string;
  tag: string | null;
  probability: number;
}

export interface Happening {
  number: number | null;
  t: string;
  kind: string;
  asset: string;
  stage: "suspected" | "confirmed" | "revised" | "closed";
  priority: Priority | null;
  condition: string;
  tag: string | null;
  verdict: string | null;
  since: string | null;
  size: number | null;
  unit: string;
  confidence: number | null;
  causes: Cause[];
  evidence: string[];
  model: { id: string; version: string; parameters: string } | null;
  detail: Record<string, number | string>;
}

export type Priority = "critical" | "high" | "medium" | "low";

export type AlarmState =
  | "normal"
  | "unack"
  | "acked"
  | "rtn_unack"
  | "latched_unack"
  | "latched_acked"
  | "shelved"
  | "suppressed"
  | "out_of_service";

export interface Alarm {
  id: string;
  state: AlarmState;
  priority: Priority;
  raised: string;
  changed: string;
  by: string;
  active: boolean;
  until: string | null;
  why: string;
  part_of: string;
  respond_min: number;
  event: Happening;
}

export interface Move {
  t: string;
  alarm: string;
  old: AlarmState;
  new: AlarmState;
  priority: Priority;
  active: boolean;
  by: string;
  why: string;
}

export interface Figures {
  hours: number;
  raised: number;
  per_10min: number;
  most_per_10min: number;
  crowded: number;
  flood: number;
  chattering: string[];
  fleeting: string[];
  stale: string[];
  top: [string, number][];
  top_share: number;
  priorities: [Priority, number][];
  shelved: number;
  suppressed: number;
}

export interface Values {
  now: string;
  tags: Record<string, Reading>;
  twin: Record<string, Belief>;
}

/** Stores that take nothing now, and what they said. */
export type Stores = Record<string, string>;

export interface Snapshot extends Values {
  alarms: Alarm[];
  stores: Stores;
}

export interface Trend {
  measured: { t: number[]; value: (number | null)[]; quality: number[] };
  twin: { t: number[]; mean: (number | null)[]; sd: (number | null)[] };
}

export const QUALITIES = ["good", "uncertain", "bad", "stale"] as const;
export type Quality = (typeof QUALITIES)[number];

export const FIGURES = ["least", "p5", "median", "p95", "most", "mean", "sd"] as const;

export interface Spread {
  name: string;
  start: number;
  end: number;
  count: number;
  histogram: { low: number; width: number; counts: number[] };
  figures: Partial<Record<(typeof FIGURES)[number], number>>;
  seconds: Record<Quality, number>;
  stretches: { start: number; end: number; quality: Quality }[];
}

export interface Counters {
  received: number;
  stored: number;
  duplicate: number;
  pending: number;
  quarantined: Record<string, number>;
  rejected: Record<string, number>;
  holds: boolean;
}

export interface Link {
  source: string;
  up: boolean;
  text: string;
  since: string;
  received: number;
  gaps: number;
  skew_s: number | null;
}

export interface Session {
  name: string | null;
  role: Role | null;
  permissions: string[];
  local: boolean;
  unclaimed: boolean;
  provider?: string;
}

export const ROLES = ["viewer", "operator", "engineer", "quality", "administrator"] as const;
export type Role = (typeof ROLES)[number];

export interface Person {
  name: string;
  full_name: string;
  role: Role;
  language: string;
  barred: boolean;
  joined: boolean;
}

export interface Program {
  name: string;
  role: Role;
  until: string;
  by: string;
}

export interface Entry {
  number: number;
  t: string;
  who: string;
  role: string;
  origin: string;
  action: string;
  subject: string;
  old: string;
  new: string;
  why: string;
  hash: string;
}

const root = "api/v1";

/** Whoever looks is not signed in, or not any more. */
export class Stranger extends Error {}

/** Too many tries; the next is heard later. */
export class TooMany extends Error {}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  const detail = problem.detail ?? `${response.status} ${response.statusText}`;
  const kinds: Record<number, new (text: string) => Error> = { 401: Stranger, 429: TooMany };
  throw new (kinds[response.status] ?? Error)(detail);
}

/** The service is not there; what to say of it is the page's affair and not the browser's. */
export class NoContact extends Error {}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  try {
    return await answer<T>(await fetch(`${root}/${path}`, init));
  } catch (error) {
    throw error instanceof TypeError || error instanceof SyntaxError ? new NoContact() : error;
  }
}

export async function get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
  const search = new URLSearchParams(query).toString();
  return ask<T>(`${path}${search ? `?${search}` : ""}`);
}

/** Ask for a file and let the browser save it under the name that comes along. */
export async function getFile(path: string, query: Record<string, string>): Promise<void> {
  const response = await fetch(`${root}/${path}?${new URLSearchParams(query).toString()}`).catch(() => {
    throw new NoContact();
  });
  if (!response.ok) return answer(response);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? path;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export async function send<T>(path: string, body: object = {}, method = "POST"): Promise<T> {
  const headers = { "content-type": "application/json" };
  return ask<T>(path, { method, headers, body: JSON.stringify(body) });
}

export const moveAlarm = (id: string, what: string, body: object = {}) => send<Alarm>(`alarms/${encodeURIComponent(id)}/${what}`, body);

export function getTrend(name: string, start: number, end: number, points: number): Promise<Trend> {
  const iso = (ms: number) => new Date(ms).toISOString();
  return get<Trend>("trend", { name, start: iso(start), end: iso(end), points: String(points) });
}

export function getSpread(name: string, start: number, end: number): Promise<Spread> {
  const iso = (ms: number) => new Date(ms).toISOString();
  return get<Spread>("spread", { name, start: iso(start), end: iso(end) });
}

export function openStream(after: number): EventSource {
  return new EventSource(`${root}/stream${after > 0 ? `?after=${after}` : ""}`);
}
