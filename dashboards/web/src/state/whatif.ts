// What-if: scenarios as the address keeps them, and what the twin answers. Nothing of it reaches the plant.
import { get, send } from "./api";
import type { Whole } from "./forecasts";

export interface Knob {
  name: string;
  unit: string;
  low: number;
  high: number;
  fault: boolean;
  rate: boolean;
}

export interface Change {
  what: string;
  value: string;
  in_h: string;
}

export interface Scenario {
  name: string;
  changes: Change[];
}

export type Answered = Whole & { name: string };

export interface Answer {
  asset: string;
  base: Whole;
  scenarios: Answered[];
}

export const MOST = 4;

const split = (text: string, by: string): [string, string] => {
  const at = text.indexOf(by);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + by.length)];
};

function change(text: string): Change {
  const [what, rest] = split(text, "=");
  const [value, in_h] = split(rest, "@");
  return { what, value, in_h: in_h || "0" };
}

/** Scenarios of an address: "more feed: feed_factor=1.3@12 harvest=320|…", as the command line takes them. */
export function parse(text: string | null): Scenario[] {
  return (text ?? "")
    .split("|")
    .filter(Boolean)
    .map((each) => {
      const [name, rest] = split(each, ":");
      return { name: name.trim(), changes: rest.split(" ").filter(Boolean).map(change) };
    });
}

/** The reverse of `parse`; numbers as the command line takes them, whatever the language they were written in. */
export function write(scenarios: Scenario[]): string {
  const plain = (name: string) => name.replace(/[|:]/g, " ");
  const bare = (text: string) => (Number.isFinite(amount(text)) ? String(amount(text)) : text);
  const said = ({ what, value, in_h }: Change) => `${what}=${bare(value)}@${bare(in_h)}`;
  return scenarios.map(({ name, changes }) => `${plain(name)}: ${changes.map(said).join(" ")}`).join("|");
}

export const amount = (text: string) => (text.trim() === "" ? Number.NaN : Number(text.replace(",", ".").replace("−", "-")));

const numbers = ({ what, value, in_h }: Change) => ({ what, value: amount(value), in_h: amount(in_h) });

export function ask(asset: string, scenarios: Scenario[]): Promise<Answer> {
  const wanted = scenarios.map(({ name, changes }) => ({ name, changes: changes.map(numbers) }));
  return send<Answer>("what-if", { asset, scenarios: wanted });
}

export const knobs = (asset: string) => get<Knob[]>("what-if", { asset });

/** The scenarios as a file for `twin what-if --scenarios`. */
export function file(scenarios: Scenario[]): string {
  const row = (each: Change) => {
    const { what, value, in_h } = numbers(each);
    return `      - {what: ${what}, value: ${value}, in_h: ${in_h}}`;
  };
  const parts = scenarios.map(({ name, changes }) => [`  - name: ${JSON.stringify(name)}`, "    changes:", ...changes.map(row)].join("\n"));
  return `schema: 1\nscenarios:\n${parts.join("\n")}\n`;
}
