// One language at a time: the page's own words, the catalogue of events and alarms, numbers and dates.
import { computed, effect, signal } from "@preact/signals";
import { get } from "../state/api";
import { route, set } from "../state/route";
import en from "./en.json";
import fr from "./fr.json";

export type Key = keyof typeof en;
const words: Record<string, Record<Key, string>> = { en, fr };
export const LANGUAGES = Object.keys(words);

function remembered(): string | null {
  try {
    return localStorage.getItem("language");
  } catch {
    return null; // storage may be forbidden
  }
}

export const language = computed(() => {
  const wanted = [route.value.query.get("lang"), remembered(), navigator.language.slice(0, 2)];
  return wanted.find((each) => each !== null && each in words) ?? "en";
});

export function speak(chosen: string): void {
  try {
    localStorage.setItem("language", chosen);
  } catch {
    // the address keeps it all the same
  }
  set({ lang: chosen });
}

type Parts = Record<string, string | number>;

export function fill(text: string, parts: Parts): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parts[name] ?? whole));
}

/** A text of the page. */
export function t(key: Key, parts: Parts = {}): string {
  return fill(words[language.value]?.[key] ?? en[key], parts);
}

/** A text of the page whose key is made up; `other` when there is none. */
export function maybe(key: string, other: string): string {
  return (words[language.value] as Record<string, string>)[key] ?? other;
}

const catalogue = signal<Record<string, string>>({});

/** A text about events and alarms, by the service's catalogue; undefined when it has none. */
export function message(key: string, parts: Parts = {}): string | undefined {
  const text = catalogue.value[key];
  return text === undefined ? undefined : fill(text, parts);
}

/** Read the catalogue now and whenever the language changes; try again until it is there. */
export function keepCatalogue(): void {
  effect(() => {
    const wanted = language.value;
    document.documentElement.lang = wanted;
    const load = (): void => {
      if (wanted !== language.peek()) return;
      get<Record<string, string>>(`messages/${wanted}`)
        .then((texts) => (catalogue.value = texts))
        .catch(() => setTimeout(load, 2000));
    };
    load();
  });
}
