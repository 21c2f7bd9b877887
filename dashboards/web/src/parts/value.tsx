// One measured number; what may not be believed looks different, not only in colour.
import type { Tag } from "../state/api";
import { reading } from "../state/live";
import { age, type Trust, trust } from "../state/quality";
import { digitsFor, duration, MISSING, number, unit } from "../text/format";
import { t } from "../text/language";

export const tagDigits = (tag: Tag) => digitsFor(tag.accuracy || (tag.high - tag.low) / 1000);

export function Value({ tag }: { tag: Tag }) {
  const now = reading(tag.id).value;
  const state = trust(tag, now);
  const text = now ? number(now.value, tagDigits(tag)) : MISSING;
  return (
    <span class={`value ${state}`} data-tag={tag.id} title={t(`trust.${state}`)}>
      <span class="figure">{text}</span>
      <Doubt state={state} age={now ? age(now) : 0} />
      <span class="unit">{text === MISSING ? "" : unit(tag.unit)}</span>
    </span>
  );
}

function Doubt({ state, age }: { state: Trust; age: number }) {
  if (state === "good") return null;
  if (state === "uncertain") return <sup aria-label={t("trust.uncertain")}>?</sup>;
  return <small class="doubt">{state === "stale" ? duration(age) : t(`trust.${state}`)}</small>;
}
