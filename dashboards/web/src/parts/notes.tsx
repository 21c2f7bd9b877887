// What is not said by an alarm that calls: alarms put aside, and values beyond a limit whose alarm waits.
import type { Alarm, Tag } from "../state/api";
import { alarms, isAside, phaseOf, reading } from "../state/live";
import { trust } from "../state/quality";
import { duration, nameOf, number, time, withUnit } from "../text/format";
import { t } from "../text/language";
import { title } from "../text/words";
import { phaseName } from "./batch";
import { tagDigits } from "./value";

/** Why an alarm does not call, in one sentence. */
function silenced(alarm: Alarm): string {
  const what = title(alarm.event);
  if (alarm.state === "shelved") return t("note.shelved", { what, time: alarm.until ? time(Date.parse(alarm.until)) : "--" });
  if (alarm.state === "out_of_service") return t("note.out_of_service", { what });
  if (phaseOf(alarm)) return t("note.phase", { what, phase: phaseName(phaseOf(alarm)) });
  const whole = alarms.value.find((each) => each.id === alarm.part_of);
  return whole ? t("note.part", { what, whole: title(whole.event) }) : t("note.suppressed", { what });
}

/** The limit that a value is beyond now; the outer one where it is beyond two. */
function beyond({ limits }: Tag, value: number): number | undefined {
  const { low_low, low, high, high_high } = limits;
  const above = [high_high, high].find((each) => each !== null && value > each);
  return above ?? [low_low, low].find((each) => each !== null && value < each) ?? undefined;
}

const alarmed = (tag: Tag) => alarms.value.some(({ event, active }) => active && event.kind === "limit" && event.tag === tag.id);

function waiting(tag: Tag): string | undefined {
  const now = reading(tag.id).value;
  if (!now || now.value === null || !["good", "uncertain"].includes(trust(tag, now)) || alarmed(tag)) return undefined;
  const limit = beyond(tag, now.value);
  if (limit === undefined) return undefined;
  const show = (value: number) => withUnit(number(value, tagDigits(tag)), tag.unit);
  const parts = { name: nameOf(tag.id), value: show(now.value), limit: show(limit), delay: duration(tag.on_delay_s * 1000) };
  return t(now.quality === "good" ? "note.beyond" : "note.doubted", parts);
}

/** Sentences about some tags and about the alarms put aside that `of` picks; none when nothing is held back. */
export function notes(tags: Tag[], of: (alarm: Alarm) => boolean): string[] {
  const put = alarms.value.filter((each) => isAside(each) && of(each));
  return [...put.map(silenced), ...tags.flatMap((each) => waiting(each) ?? [])];
}
