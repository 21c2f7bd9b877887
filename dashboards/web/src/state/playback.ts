// The playhead of a stored run: asked for every second, moved by whoever looks; a live line has none.
import { signal } from "@preact/signals";
import { get, send } from "./api";
import { askFate, over } from "./batches";
import { setSpeed, tell, tick } from "./clock";
import { begin, line } from "./live";

export interface Mark {
  t: string;
  sort: "event" | "sample";
  about: string;
}

export interface Playback {
  run: string;
  start: string;
  end: string;
  ready: string;
  now: string;
  speed: number | null;
  playing: boolean;
  epoch: number;
  hindsight: boolean;
  models: Record<string, { id: string; version: string; parameters: string }>;
  line_sha256: string;
  marks: Mark[];
  kept: boolean;
  filled: boolean;
}

export interface Move {
  hindsight?: boolean;
  to?: string;
  step_s?: number;
  speed?: number | "max";
  pause?: boolean;
}

export const playback = signal<Playback | null>(null);
/** Grows with every jump: whatever was read before is void. */
export const epoch = signal(0);

const EVERY_MS = 1000;
/** How often the playhead was moved from here: what was asked for before the last move is void. */
let moves = 0;

async function take(state: Playback): Promise<void> {
  const jumped = playback.peek() !== null && state.epoch !== epoch.peek();
  playback.value = state;
  tell(state.now);
  const behind = state.speed === null || Date.parse(state.ready) - Date.parse(state.now) < 1;
  setSpeed(state.playing && !behind ? (state.speed ?? 0) : 0);
  tick();
  if (jumped) await begin();
  epoch.value = state.epoch;
}

export async function move(what: Move): Promise<void> {
  const moved = await send<Playback>("playback", what);
  moves += 1;
  await take(moved);
}

/** Follow the playhead of a line that is a replay. */
export function followPlayback(): void {
  const read = () => {
    if (line.peek()?.origin !== "replay" || over.peek()) return;
    const before = moves;
    const fresh = (state: Playback) => (before === moves ? take(state) : undefined);
    void get<Playback>("playback").then(fresh, (error: unknown) => void askFate(error).catch(() => undefined));
  };
  line.subscribe(read);
  setInterval(read, EVERY_MS);
}
