// Events and alarms put into the reader's words by the service's catalogue.
import { type Cause, type Happening, NoContact } from "../state/api";
import { lostTogether } from "../state/urgency";
import { digitsFor, nameOf, number, percent, withUnit } from "./format";
import { maybe, message, t } from "./language";
import { said } from "./said";

const plain = (code: string) => code.replaceAll("_", " ");

function parts(event: Happening): Record<string, string | number> {
  return {
    ...event.detail,
    asset: event.asset,
    tag: event.tag ?? event.asset,
    name: event.tag ? nameOf(event.tag) : event.asset,
  };
}

export function causeName(cause: Cause, event: Happening): string {
  return message(`cause.${cause.code}.name`, parts(event)) ?? plain(cause.code);
}

export function kindName(event: Happening): string {
  return capital(message(`kind.${event.kind}`, parts(event)) ?? plain(event.kind));
}

/** First letter as at the start of a sentence; "pH" and its like stay as they are. */
function capital(text: string): string {
  return /^[a-zà-ü][A-Z]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

/** Key of the texts that explain an event: its most probable cause, else what it reports itself. */
function code(event: Happening): string {
  const { which, code: told } = event.detail;
  const own = typeof which === "string" ? `${event.kind}_${which}` : event.kind;
  return event.causes[0]?.code ?? (typeof told === "string" ? told : own);
}

/** Kinds that are found on one signal alone: what happened says nothing without the name of the signal. */
const SIGNALS = new Set(["signal_lost", "frozen", "dead", "spike", "noise", "gap", "limit"]);

/** What happened, in one line. */
export function title(event: Happening): string {
  const name = message(`cause.${code(event)}.name`, parts(event));
  const what = name ? capital(name) : event.causes[0] ? capital(plain(code(event))) : kindName(event);
  const named = SIGNALS.has(event.kind) || event.causes.length === 0;
  return event.tag && named ? `${nameOf(event.tag)} · ${what}` : what;
}

/** What it happened to: a tag, else a unit or a source. */
export const subject = (event: Happening) => event.tag ?? event.asset;

/** Parts of an alarm's identity whose text has another key. */
const KEYS: Record<string, string> = { together: "cause.signals_lost_together.name", trust: "kind.twin" };

/** An alarm of the log in words, by its identity such as "R101/limit_high/pH": what happened, and to what. */
export function alarmName(id: string): [what: string, of: string] {
  const [asset = id, code = "", tag = ""] = id.split("/");
  const keys = [KEYS[tag] ?? KEYS[code] ?? `cause.${code}.name`, `kind.${code}`];
  const found = keys.map((key) => message(key)).find((text) => text !== undefined);
  if (found === undefined) return [id, ""];
  const one = tag && !(tag in KEYS) ? tag : "";
  const of = one ? `${asset}.${one}` : asset;
  return [one || asset.includes(".") ? `${nameOf(of)} · ${capital(found)}` : capital(found), of];
}

/** How many signals were lost together, and which; empty for all else. */
export function together(event: Happening): string {
  const names = lostTogether(event);
  const count = Number(event.detail["count"]) || names.length;
  return names.length ? t("alarms.together", { count: number(count, 0), tags: names.map(nameOf).join(", ") }) : "";
}

/** Why something did not work, in the reader's language where its words are known. */
export function reason(error: Error): string {
  return error instanceof NoContact ? t("lost.reason") : said(error.message);
}

/** Details that the card says elsewhere. */
const told = new Set(["code", "rate_per_h", "size_sd", "text"]);

/** Further facts, as pairs of a name and a value. */
export function facts(event: Happening): [string, string][] {
  return Object.entries(event.detail)
    .filter(([name]) => !told.has(name) && !(event.detail["tags"] && (name === "tags" || name === "count")))
    .map(([name, value]) => [maybe(`detail.${name}`, plain(name)), typeof value === "number" ? short(value) : plain(value)]);
}

const short = (value: number) => number(value, Math.min(4, digitsFor(Math.abs(value) / 100, 4)));

export function verdictName(verdict: string): string {
  return message(`verdict.${verdict}`) ?? plain(verdict);
}

/** A text about the leading cause: its cause, consequence or action. */
export function about(event: Happening, part: "cause" | "consequence" | "action"): string | undefined {
  return message(`cause.${code(event)}.${part}`, parts(event));
}

const sentence = (text: string) => capital(/[.!?]$/.test(text) ? text : `${text}.`);

/** What speaks for it, and what the source says itself, a sentence each. */
export function evidence(event: Happening): string[] {
  const { text } = event.detail;
  const codes = event.evidence.map((code) => message(`evidence.${code}`, parts(event)) ?? plain(code));
  return [...codes, ...(typeof text === "string" && text ? [said(text)] : [])].map(sentence);
}

/** How large, with its unit and sign. */
export function size(event: Happening): string | undefined {
  if (event.size === null) return undefined;
  const spread = event.detail["size_sd"];
  const digits = digitsFor(typeof spread === "number" && spread > 0 ? spread : Math.abs(event.size) / 10);
  const band = typeof spread === "number" ? ` ± ${number(2 * spread, digits)}` : "";
  return withUnit(number(event.size, digits, true) + band, event.unit);
}

export function rate(event: Happening): string | undefined {
  const value = event.detail["rate_per_h"];
  if (typeof value !== "number") return undefined;
  return t("card.rate", { rate: withUnit(number(value, digitsFor(Math.abs(value) / 10), true), event.unit) });
}

/** The other possible causes, most probable first, down to one per cent. */
export function others(event: Happening): string {
  return event.causes
    .slice(1)
    .filter((cause) => cause.probability >= 0.005)
    .map((cause) => `${causeName(cause, event)} ${percent(cause.probability)}`)
    .join(", ");
}
