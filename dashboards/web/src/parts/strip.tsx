// The last eight hours of the whole line: grey, and coloured where something stood.
import type { Happening, Priority } from "../state/api";
import { now } from "../state/clock";
import { calling, events, line } from "../state/live";
import { HOUR, to } from "../state/route";
import { rank } from "../state/urgency";
import { time } from "../text/format";
import { t } from "../text/language";
import { title } from "../text/words";

const SPAN = 8 * HOUR;
const KINDS = new Set(["drift", "limit", "signal_lost", "frozen", "dead", "noise", "gap", "twin", "unusual"]);

interface Stood {
  event: Happening;
  begin: Happening;
  from: number;
  until: number;
  priority: Priority | undefined;
  stands: boolean;
}

/** One entry per condition, from its onset to its end or to now while it stands; the worst come last, on top. */
function stood(asset: string): Stood[] {
  const last = new Map<string, Happening>();
  const first = new Map<string, Happening>(); // the end of an outage tells that it is over, its begin what it was
  const raised = new Map<string, Priority>(); // an alarm keeps the priority it was raised with
  for (const each of events.value) {
    if (each.asset !== asset || !KINDS.has(each.kind)) continue;
    last.set(each.condition, each);
    if (!first.has(each.condition)) first.set(each.condition, each);
    if (each.stage !== "suspected" && each.priority && !raised.has(each.condition)) raised.set(each.condition, each.priority);
  }
  const open = new Map(calling.value.map((each) => [each.event.condition, each]));
  for (const each of open.values()) if (each.event.asset === asset) last.set(each.event.condition, each.event);
  return [...last.values()]
    .map((event) => ({
      event,
      begin: first.get(event.condition) ?? event,
      from: Date.parse(event.since ?? event.t),
      until: event.stage === "closed" ? Date.parse(event.t) : now.value,
      priority: open.get(event.condition)?.priority ?? raised.get(event.condition),
      stands: open.has(event.condition),
    }))
    .sort((a, b) => rank(a.priority) - rank(b.priority) || a.from - b.from);
}

function Span({ span }: { span: Stood }) {
  const start = now.value - SPAN;
  const left = Math.max(0, (span.from - start) / SPAN);
  const right = Math.min(1, (span.until - start) / SPAN);
  if (right <= 0) return null;
  const words = { what: title(span.begin), from: time(span.from), until: time(span.until) };
  const style = { left: `${left * 100}%`, width: `${Math.max(0.4, (right - left) * 100)}%` };
  return <i class={`span ${span.priority ?? ""}${span.stands ? "" : " past"}`} style={style} title={t("strip.span", words)} role="img" aria-label={t("strip.span", words)} />;
}

export function Strip() {
  const marks = [8, 6, 4, 2].map((h) => ({ left: `${((8 - h) / 8) * 100}%`, text: time(now.value - h * HOUR) }));
  return (
    <section class="strip panel" aria-labelledby="strip">
      <h2 id="strip">{t("strip.title")}</h2>
      {line.value?.vessels.map((vessel) => (
        <div class="row" key={vessel.id}>
          <a href={to("unit", vessel.id, { range: "8h" })}>{vessel.id}</a>
          <div class="track">
            {stood(vessel.id).map((each) => (
              <Span key={each.event.condition} span={each} />
            ))}
          </div>
        </div>
      ))}
      <div class="row scale" aria-hidden="true">
        <span />
        <div>
          {marks.map((each) => (
            <span key={each.left} style={{ left: each.left }}>
              {each.text}
            </span>
          ))}
          <span class="end">{t("strip.now")}</span>
        </div>
      </div>
    </section>
  );
}
