// The address is the only place where "what is looked at" is kept: page, unit or tag, range, language.
import { computed, signal } from "@preact/signals";

export interface Route {
  page: string;
  id: string;
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/");
  return { page, id: decode(rest.join("/")), query: new URLSearchParams(search) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal<Route>(parse(location.hash));
addEventListener("hashchange", () => (route.value = parse(location.hash)));

/** Address of a page; the language goes along, other settings only when given. */
export function to(page: string, id = "", settings: Record<string, string> = {}): string {
  const query = new URLSearchParams(settings);
  const language = route.value.query.get("lang");
  if (language && !query.has("lang")) query.set("lang", language);
  const path = [page, id && encodeURIComponent(id)].filter(Boolean).join("/");
  const search = query.toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}

/** Change settings of the page that is open, without a new entry in the history. */
export function set(settings: Record<string, string | null>): void {
  const { page, id, query } = route.value;
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(settings)) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  history.replaceState(null, "", to(page, id, Object.fromEntries(next)));
  route.value = { page, id, query: next };
}

export const HOUR = 3_600_000;
export const RANGES: Record<string, number> = { "1h": HOUR, "8h": 8 * HOUR, "24h": 24 * HOUR, batch: 0 };

/** What the time axis shows: a preset that follows the clock, or two fixed times [ms]. */
export const range = computed(() => {
  const { query } = route.value;
  const from = Number(query.get("from"));
  const until = Number(query.get("to"));
  if (from > 0 && until > from) return { preset: null, from, until };
  const preset = query.get("range") ?? "24h";
  return { preset: preset in RANGES ? preset : "24h", from: 0, until: 0 };
});

export function choose(preset: string): void {
  set({ range: preset, from: null, to: null });
}

export function fix(from: number, until: number): void {
  if (until - from >= 10_000) set({ from: String(Math.round(from)), to: String(Math.round(until)) });
}
