// What is to come, in a few words: the harvest, the next limit, and what follows when nothing is done.
import type { Happening, Vessel } from "../state/api";
import { now } from "../state/clock";
import { type Exit, forecast, nextExit } from "../state/forecasts";
import { tags } from "../state/live";
import { to } from "../state/route";
import { wall } from "../state/wall";
import { between, digitsFor, duration, nameOf, number, percent, time, unit, withUnit } from "../text/format";
import { maybe, t } from "../text/language";
import { tagDigits } from "./value";

const SOON_H = 24;

/** The limits of an exit with their unit, such as "6.90–7.20" or "above 180 mmHg". */
function bounds({ tag: id, low, high }: Exit): string {
  const tag = tags.value.get(id);
  const say = (value: number) => number(value, tag ? tagDigits(tag) : 2);
  const code = tag?.unit ?? "";
  if (low !== null && high !== null) return withUnit(`${say(low)}–${say(high)}`, code);
  return withUnit(low !== null ? t("ahead.least", { value: say(low) }) : t("ahead.most", { value: say(high ?? 0) }), code);
}

/** Expected harvest and product, for the row of the batch. */
export function ExpectedHarvest({ vessel }: { vessel: Vessel }) {
  const end = forecast(vessel.id)?.harvest;
  if (!end) return null;
  const [low = 0, middle, high = 0] = end.titre;
  const digits = Math.max(1, digitsFor((high - low) / 4));
  const title = end.reason === "viability" ? t("ahead.viability") : t("ahead.plan");
  return (
    <>
      <span title={title} data-ahead="harvest">
        {t("ahead.harvest", { time: between(end) })}
      </span>
      {middle === undefined ? null : (
        <span title={t("ahead.band")} data-ahead="titre">
          {t("ahead.titre", { value: number(middle, digits) })}{" "}
          <small>
            ({number(low, digits)}–{number(high, digits)})
          </small>{" "}
          {unit(end.unit)}
        </span>
      )}
    </>
  );
}

/** The next limit that is left within a day, for the card of a unit. */
export function TimeToLimit({ asset }: { asset: string }) {
  const exit = nextExit(asset, SOON_H);
  if (!exit?.likely) return null;
  const left = Date.parse(exit.likely) - now.value;
  const words = { name: nameOf(exit.tag), limits: bounds(exit), time: duration(left) };
  return (
    <a class="to-limit" href={to("tag", exit.tag)} title={t("ahead.sure", { percent: percent(exit.probability) })}>
      {t(wall.value ? "ahead.short" : "ahead.limit", words)}
    </a>
  );
}

/** What follows when nothing is done about a fault: which limit is left, about when, and by when for sure. */
export function ifNothing(event: Happening): string {
  const about = event.tag ?? event.causes[0]?.tag;
  const own = forecast(event.asset)?.exits.find((each) => each.tag === about && each.likely);
  const exit = about ? own : nextExit(event.asset, 2 * SOON_H); // of a tag only its own limits: others are not its doing
  if (!exit?.likely) return "";
  const sure = exit.sure ? t("ahead.by", { percent: percent(0.8), time: time(Date.parse(exit.sure)) }) : "";
  const name = maybe(`name.${exit.tag.split(".")[1]}_true`, nameOf(exit.tag));
  const words = { name: event.verdict === "sensor" ? name : nameOf(exit.tag), limits: bounds(exit) };
  return `${t("ahead.leaves", { ...words, time: time(Date.parse(exit.likely)) })}${sure ? ` (${sure})` : ""}.`;
}
