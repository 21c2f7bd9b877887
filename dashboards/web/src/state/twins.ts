// How each twin is, as it said last: its trust and why, its consistency, what its sensors let it know.
import { signal } from "@preact/signals";
import { get } from "./api";

export interface Twin {
  asset: string;
  t: string;
  trust: "advice" | "monitor" | "off";
  since: string | null;
  reasons: string[];
  nis: { value: number; low: number; high: number; inside: number };
  correlation: number;
  quantities: Record<string, number>;
  faults: Record<string, number>;
  silent: string[];
  resets: number;
}

const EVERY_MS = 5000;

export const twins = signal<Twin[]>([]);

export const twinOf = (asset: string) => twins.value.find((each) => each.asset === asset);

/** Ask now and then; the stream says when nobody answers. */
export function followTwins(): void {
  const read = () => get<Twin[]>("twins").then((rows) => (twins.value = rows), () => undefined);
  void read();
  setInterval(() => void read(), EVERY_MS);
}
