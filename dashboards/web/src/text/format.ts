// Numbers, units, times and durations as the reader's language writes them.
import { now } from "../state/clock";
import { language, maybe, message, t } from "./language";

const THIN = "\u202f";

export const MISSING = "--";

const locale = () => (language.value === "fr" ? "fr-FR" : "en-GB");

export function number(value: number | null | undefined, digits: number, sign = false): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  const text = new Intl.NumberFormat(locale(), sign ? { ...options, signDisplay: "always" } : options).format(value);
  return text.replace(/^(\+?)-/, "$1−");
}

/** A number that is a text already, with the decimal sign of the language. */
export const decimal = (text: string) => (language.value === "fr" ? text.replace(".", ",") : text);

/** Decimals that an uncertainty of this size deserves: one more than its first digit. */
export function digitsFor(uncertainty: number, most = 3): number {
  if (!(uncertainty > 0)) return 1;
  return Math.min(most, Math.max(0, Math.ceil(-Math.log10(uncertainty * 1.0001))));
}

export function percent(share: number): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(share);
}

const UNITS: Record<string, string> = {
  "1": "",
  "mm[Hg]": "mmHg",
  Cel: "°C",
  "10*6/mL": "10⁶/mL",
  "10*9/L": "10⁹/L",
  "1/h": "h⁻¹",
  "mmol/L/h": "mmol/(L·h)",
  um: "µm",
};

/** A UCUM code as people write it. */
export function unit(code: string): string {
  return code === "{rpm}" ? t("unit.rpm") : (UNITS[code] ?? code);
}

export function withUnit(text: string, code: string): string {
  const shown = unit(code);
  return shown && text !== MISSING ? `${text}${THIN}${shown}` : text;
}

/** What a tag or an estimate is called, by the last part of its name. */
export function nameOf(name: string): string {
  const short = name.slice(name.indexOf(".") + 1).replace(/^est_/, "");
  return maybe(`name.${short}`, message(`quantity.${short}`) ?? short);
}

const sameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString();

/** Clock time, with the date when it is not today on the line's clock. */
export function time(ms: number, seconds = false): string {
  const date = new Date(ms);
  const clock = new Intl.DateTimeFormat(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(seconds ? { second: "2-digit" } : {}),
  }).format(date);
  return sameDay(date, new Date(now.peek())) ? clock : `${day(ms)} ${clock}`;
}

/** Date with its year, and clock time: for what is kept long. */
export function stamp(ms: number): string {
  const date = new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short", year: "numeric" });
  const clock = new Intl.DateTimeFormat(locale(), { timeStyle: "medium", hourCycle: "h23" });
  return `${date.format(new Date(ms))} ${clock.format(new Date(ms))}`;
}

export function day(ms: number): string {
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short" }).format(new Date(ms));
}

/** A time with its earliest and latest, where these are more than an hour apart. */
export function between({ early, at, late }: { early: string; at: string; late: string }): string {
  const [first, most, last] = [early, at, late].map((each) => Date.parse(each)) as [number, number, number];
  if (last - first <= 3_600_000) return time(most);
  return t("ahead.between", { time: time(most), early: time(first), late: time(last) });
}

/** A duration in its two largest units: "12 s", "3 min", "3 h 42 min", "4 d 7 h". */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}${THIN}s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min}${THIN}min`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? `${h}${THIN}h ${min % 60}${THIN}min` : `${h}${THIN}h`;
  const d = language.value === "fr" ? "j" : "d";
  return `${Math.floor(h / 24)}${THIN}${d} ${h % 24}${THIN}h`;
}

/** Age of a batch as the floor says it: "D4 07:12". */
export function batchAge(ms: number): string {
  const min = Math.max(0, Math.floor(ms / 60_000));
  const two = (value: number) => String(value).padStart(2, "0");
  const letter = language.value === "fr" ? "J" : "D";
  return `${letter}${Math.floor(min / 1440)} ${two(Math.floor(min / 60) % 24)}:${two(min % 60)}`;
}
