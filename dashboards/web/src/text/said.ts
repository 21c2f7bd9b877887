// What the service says in English (of links, of files, of what can not be asked), in the reader's language.
import en from "./en.json";
import { decimal } from "./format";
import { type Key, language, t } from "./language";

const NAMES = "abcdef";

/** Texts of links by how much of them is fixed, so that the closest is tried first. */
const PATTERNS: [Key, RegExp][] = (Object.keys(en) as Key[])
  .filter((key) => key.startsWith("said."))
  .sort((x, y) => en[y].length - en[x].length)
  .map((key) => [key, new RegExp(`^${en[key].replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\w\}/g, "(.+)")}$`, "s")]);

/** A number alone or with its unit, as the service writes it. */
const NUMBER = /^[-+]?\d+\.\d+( \S+)?$/;

/** A text of the service; as it came where its words are not known, such as those of a server. */
export function said(text: string): string {
  if (language.value === "en") return text;
  for (const [key, pattern] of PATTERNS) {
    const found = pattern.exec(text);
    if (found) return t(key, Object.fromEntries(found.slice(1).map((part, i) => [NAMES[i], said(part)])));
  }
  return NUMBER.test(text) ? decimal(text) : text;
}
