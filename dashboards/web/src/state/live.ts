// Everything the service told this page, as signals; one stream for the whole page.
import { computed, type Signal, signal } from "@preact/signals";
import {
  type Alarm, type Belief, get, type Happening, type Line, openStream, type Reading, type Snapshot, type Stores, type Values,
} from "./api";
import { setSpeed, tell, tick } from "./clock";
import { moment, since } from "./moment";
import { askWho, session } from "./session";

const SILENCE_MS = 5000;
/** After this a stream that the service ended is asked for again. */
const CLOSED_MS = 1000;
const KEPT = 500;

export const line = signal<Line | null>(null);
export const alarms = signal<Alarm[]>([]);
const ASIDE = new Set(["shelved", "suppressed", "out_of_service"]);
/** Alarms that call for somebody; the others are put aside, or part of one that calls. */
export const isAside = (alarm: Alarm) => ASIDE.has(alarm.state);
export const calling = computed(() => alarms.value.filter((each) => !isAside(each)));
/** The phase in which an alarm is suppressed by design; empty for one that is part of another alarm. */
export const phaseOf = (alarm: Alarm) => (alarm.part_of.startsWith("phase/") ? alarm.part_of.slice(6) : "");
export const aside = computed(() => alarms.value.filter((each) => ASIDE.has(each.state) && (!each.part_of || phaseOf(each))));
export const partsOf = (id: string) => alarms.value.filter((each) => each.part_of === id);
/** Stores that take nothing now: what is shown may be missing alarms. */
export const stores = signal<Stores>({});
export const unkept = computed(() => Object.keys(stores.value).length > 0);
export const events = signal<Happening[]>([]);
export const lost = signal(false);
/** When the service was last heard, by this machine's clock [ms]. */
export const lostSince = signal(0);
/** Grows with every snapshot: what was read before may have a hole since. */
export const snapshots = signal(0);
/** True once everything that has a value was told: from then on a name without one is unknown. */
export const heardAll = signal(false);

const readings = new Map<string, Signal<Reading | undefined>>();
const beliefs = new Map<string, Signal<Belief | undefined>>();
export const beliefNames = signal<string[]>([]);

function at<T>(map: Map<string, Signal<T | undefined>>, key: string): Signal<T | undefined> {
  const known = map.get(key);
  if (known) return known;
  const fresh = signal<T | undefined>(undefined);
  map.set(key, fresh);
  return fresh;
}

export const reading = (tag: string) => at(readings, tag);
export const belief = (name: string) => at(beliefs, name);
export const tags = computed(() => new Map(line.value?.vessels.flatMap((v) => v.tags).map((t) => [t.id, t])));
export const vessel = (id: string) => line.value?.vessels.find((each) => each.id === id);

function takeValues(values: Values): void {
  tell(values.now);
  for (const [id, each] of Object.entries(values.tags)) reading(id).value = each;
  for (const [id, each] of Object.entries(values.twin)) belief(id).value = each;
  const fresh = Object.keys(values.twin).filter((name) => !beliefNames.peek().includes(name));
  if (fresh.length) beliefNames.value = [...beliefNames.peek(), ...fresh];
}

function takeEvents(rows: Happening[]): void {
  const known = new Map(events.peek().map((each) => [each.number, each]));
  for (const each of rows) known.set(each.number, each);
  const sorted = [...known.values()].sort((a, b) => (a.number ?? 0) - (b.number ?? 0));
  events.value = sorted.slice(-KEPT);
}

const newest = () => events.peek().at(-1)?.number ?? 0;

async function takeSnapshot(snapshot: Snapshot, number: number): Promise<void> {
  takeValues(snapshot);
  heardAll.value = true;
  snapshots.value += 1;
  alarms.value = snapshot.alarms;
  stores.value = snapshot.stores;
  if (number < newest()) events.value = []; // another ledger: numbers began anew
  takeEvents(await get<Happening[]>("events", { limit: String(KEPT) }));
  await checkLine();
}

/** Forget what was told, and ask for everything anew: the line's time has jumped. */
export async function begin(): Promise<void> {
  const [fresh, rows] = await Promise.all([get<Snapshot>("latest"), get<Happening[]>("events", { limit: String(KEPT) })]);
  for (const [id, each] of readings) if (!(id in fresh.tags)) each.value = undefined;
  for (const [id, each] of beliefs) if (!(id in fresh.twin)) each.value = undefined;
  takeValues(fresh);
  alarms.value = fresh.alarms;
  stores.value = fresh.stores;
  events.value = rows;
}

/** True when an alarm called before the present batch of its unit began. */
export function isFormer(alarm: Alarm): boolean {
  const batch = vessel(alarm.event.asset)?.batch;
  return batch ? Date.parse(alarm.raised) < Date.parse(batch.start) : false;
}

/** A restarted service may run another line: then begin anew. */
async function checkLine(): Promise<void> {
  const vessels = (each: Line) => each.vessels.map((v) => ({ ...v, batch: v.batch && { ...v.batch, ended: null } }));
  const described = (each: Line) => JSON.stringify({ ...each, now: "", vessels: vessels(each) });
  const fresh = await get<Line>("line");
  const known = line.peek();
  if (known && described(known) !== described(fresh)) location.reload();
  else if (known) line.value = fresh;
}

/** Only ends of batches change in a line that runs: taken over without beginning anew. */
export async function readLine(): Promise<void> {
  line.value = await get<Line>("line");
}

/** Ends of batches that others declare are seen after this at most [ms]. */
const LINE_MS = 30_000;

function signedIn(): Promise<void> {
  lost.value = false;
  return new Promise((resolve) => {
    const stop = session.subscribe((known) => {
      if (!known?.name) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

let source: EventSource | null = null;
let heard = moment();
let ticked = moment();
let tried = moment();

/** True when for long neither this page's clock ticked nor a message was taken: it slept, and what comes now may be from before. */
const slept = () => since(ticked) > SILENCE_MS && since(heard) > SILENCE_MS;

/** After a sleep: say since when nothing was heard, and ask anew instead of reading what piled up. */
function wake(): void {
  ticked = moment();
  lose();
  tick();
  if (source) connect();
}

function on<T>(stream: EventSource, name: string, take: (data: T, number: number) => void): void {
  stream.addEventListener(name, (message: MessageEvent<string>) => {
    if (slept()) return wake();
    heard = moment();
    lost.value = false;
    take(JSON.parse(message.data) as T, Number(message.lastEventId) || 0);
  });
}

function connect(): void {
  source?.close();
  tried = moment();
  const stream = openStream(newest());
  on<Snapshot>(stream, "snapshot", (data, number) => void takeSnapshot(data, number).catch(lose));
  on<Values>(stream, "values", takeValues);
  on<Alarm[]>(stream, "alarms", (data) => (alarms.value = data));
  on<Stores>(stream, "stores", (data) => (stores.value = data));
  on<Happening>(stream, "event", (data) => takeEvents([data]));
  on<{ now: string }>(stream, "clock", (data) => tell(data.now));
  stream.addEventListener("error", lose);
  source = stream;
}

function lose(): void {
  void askWho().catch(() => undefined);
  if (lost.value) return;
  lost.value = true;
  lostSince.value = Date.now() - since(heard);
}

function watch(): void {
  if (slept()) return wake();
  ticked = moment();
  const silent = since(heard);
  if (silent > SILENCE_MS) lose();
  const closed = source?.readyState === EventSource.CLOSED;
  if (source && since(tried) > (closed ? CLOSED_MS : 2 * SILENCE_MS) && (closed || silent > 3 * SILENCE_MS)) connect();
  tick();
}

/** A page that is put to sleep lets its stream go, and looks at the clock as soon as it is woken. */
function mindSleep(): void {
  document.addEventListener("freeze", () => source?.close());
  for (const name of ["resume", "visibilitychange"]) document.addEventListener(name, watch);
}

/** Take an alarm as it was moved, without waiting for the stream. */
export function take(moved: Alarm): void {
  const rest = alarms.peek().filter((each) => each.id !== moved.id);
  alarms.value = moved.state === "normal" ? rest : [...rest, moved];
}

/** Ask for the line until it answers to somebody known, then listen for good. */
export async function start(): Promise<void> {
  setInterval(watch, 1000);
  mindSleep();
  for (;;) {
    try {
      if ((await askWho()).name === null) await signedIn();
      const described = await get<Line>("line");
      setSpeed(described.speed);
      tell(described.now);
      tick();
      line.value = described;
      setInterval(() => void checkLine().catch(lose), LINE_MS);
      connect();
      return;
    } catch {
      lose();
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}
