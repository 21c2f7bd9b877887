// How the values of a tag lie in the time shown, and how far they could be believed.
import { useEffect, useState } from "preact/hooks";
import { FIGURES, getSpread, QUALITIES, type Quality, type Spread, type Tag, type Vessel } from "../state/api";
import { now } from "../state/clock";
import { route } from "../state/route";
import { duration, number, percent, time, withUnit } from "../text/format";
import { t } from "../text/language";
import { reason } from "../text/words";
import { shown } from "../trend/window";
import { tagDigits } from "./value";

const EVERY_MS = 60_000;
const [WIDE, HIGH] = [640, 150];

const seconds = (at: number) => time(at * 1000);

/** Bars, with the limits that lie among them as lines. */
function Histogram({ spread, tag }: { spread: Spread; tag: Tag }) {
  const { low, width, counts } = spread.histogram;
  const say = (value: number) => withUnit(number(value, tagDigits(tag)), tag.unit);
  const most = Math.max(...counts);
  const step = WIDE / counts.length;
  const { low_low, low: least, high, high_high } = tag.limits;
  const limits = [low_low, least, high, high_high].filter((each): each is number => each !== null);
  const within = limits.map((each) => (each - low) / width).filter((each) => each >= 0 && each <= counts.length);
  const { p5 = 0, p95 = 0, median = 0 } = spread.figures;
  return (
    <figure>
      <svg class="histogram" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" preserveAspectRatio="none"
        aria-label={t("spread.histogram", { p5: say(p5), p95: say(p95), median: say(median) })}>
        {counts.map((count, i) => (
          <rect key={i} x={i * step} width={Math.max(1, step - 1)} y={HIGH - (HIGH * count) / most} height={(HIGH * count) / most}>
            <title>{t("spread.bar", { low: say(low + i * width), high: say(low + (i + 1) * width), count: number(count, 0) })}</title>
          </rect>
        ))}
        {within.map((each) => (
          <path key={each} class="limit" d={`M${each * step} 0V${HIGH}`} />
        ))}
      </svg>
      <figcaption>
        <span>{say(low)}</span>
        <span>{say(low + width * counts.length)}</span>
      </figcaption>
    </figure>
  );
}

/** One bar over the time; each quality has a pattern of its own. */
function Timeline({ spread }: { spread: Spread }) {
  const length = spread.end - spread.start;
  return (
    <figure>
      <div class="quality-line" role="img" aria-label={t("spread.timeline")}>
        {spread.stretches.map((each) => (
          <i
            key={each.start}
            class={each.quality}
            style={{ left: `${(100 * (each.start - spread.start)) / length}%`, width: `${(100 * (each.end - each.start)) / length}%` }}
            title={t("spread.stretch", { quality: t(`quality.${each.quality}`), from: seconds(each.start), until: seconds(each.end) })}
          />
        ))}
      </div>
      <figcaption>
        <span>{seconds(spread.start)}</span>
        <span>{seconds(spread.end)}</span>
      </figcaption>
    </figure>
  );
}

function Shares({ spread }: { spread: Spread }) {
  const whole = Object.values(spread.seconds).reduce((sum, each) => sum + each, 0) || 1;
  const row = (quality: Quality) => (
    <div key={quality}>
      <dt>
        <i class={`swatch ${quality}`} aria-hidden="true" /> {t(`quality.${quality}`)}
      </dt>
      <dd data-quality={quality}>
        {percent(spread.seconds[quality] / whole)} <small>{duration(spread.seconds[quality] * 1000)}</small>
      </dd>
    </div>
  );
  return <dl>{QUALITIES.map(row)}</dl>;
}

function Numbers({ spread, tag }: { spread: Spread; tag: Tag }) {
  return (
    <dl>
      {FIGURES.map((each) => (
        <div key={each}>
          <dt>{t(`spread.${each}`)}</dt>
          <dd data-figure={each}>{withUnit(number(spread.figures[each], tagDigits(tag) + 1), tag.unit)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Read for the time shown, again when another is chosen, and every minute while it follows the clock. */
function useSpread(vessel: Vessel, tag: Tag): [Spread | undefined, Error | undefined] {
  const [found, setFound] = useState<Spread>();
  const [problem, setProblem] = useState<Error>();
  const search = route.value.query.toString();
  useEffect(() => {
    const read = () => {
      const [from, until] = shown(vessel);
      const end = Math.max(from + 1000, Math.min(until, now.peek()));
      getSpread(tag.id, from, end).then((each) => (setFound(each), setProblem(undefined)), setProblem);
    };
    read();
    const timer = setInterval(() => (document.hidden ? undefined : read()), EVERY_MS);
    return () => clearInterval(timer);
  }, [tag.id, search]);
  return [found, problem];
}

export function SpreadPanel({ vessel, tag }: { vessel: Vessel; tag: Tag }) {
  const [spread, problem] = useSpread(vessel, tag);
  if (problem) return <p class="broken panel">{t("trend.failed", { reason: reason(problem) })}</p>;
  if (!spread) return null;
  const parts = { from: seconds(spread.start), until: seconds(spread.end), count: number(spread.count, 0) };
  return (
    <section class="spread panel" aria-labelledby="spread">
      <h2 id="spread">
        {t("spread.title")} <small>{t("spread.from", parts)}</small>
      </h2>
      <div class="halves">
        {spread.count ? <Histogram spread={spread} tag={tag} /> : <p class="quiet">{t("spread.none")}</p>}
        {spread.count ? <Numbers spread={spread} tag={tag} /> : null}
        <Timeline spread={spread} />
        <Shares spread={spread} />
      </div>
    </section>
  );
}
