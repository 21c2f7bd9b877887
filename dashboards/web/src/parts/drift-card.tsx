// The product's face: what is wrong, where, since when, how large, who, why, and what to do.
import { useEffect, useRef } from "preact/hooks";
import type { Alarm, Happening } from "../state/api";
import { now } from "../state/clock";
import { events, isFormer, partsOf, vessel } from "../state/live";
import { route } from "../state/route";
import { duration, percent, time } from "../text/format";
import { maybe, t } from "../text/language";
import { about, evidence, facts, others, rate, size, subject, title, together, verdictName } from "../text/words";
import { Spark } from "../trend/spark";
import { Actions } from "./actions";
import { ifNothing } from "./ahead";
import { Mark, stateName, unseen } from "./mark";

const MARGIN_MS = 600_000;

function Facts({ event }: { event: Happening }) {
  const amount = size(event);
  const sure = event.confidence === null ? "" : `, ${percent(event.confidence)}`;
  const rest = others(event);
  return (
    <p class="facts">
      {amount ? (
        <strong>
          {[t("card.size", { size: amount, time: time(Date.parse(event.t)) }), rate(event)].filter(Boolean).join(", ")}
        </strong>
      ) : null}
      {together(event) ? <strong>{together(event)}</strong> : null}
      {event.verdict && event.verdict !== "unknown" ? (
        <span>
          {t("card.verdict", { verdict: verdictName(event.verdict), percent: sure })}
          {rest ? <small> ({t("card.others", { causes: rest })})</small> : null}
        </span>
      ) : null}
    </p>
  );
}

function Reasons({ event }: { event: Happening }) {
  const rows: [string, string[]][] = [
    [t("card.why"), evidence(event)],
    [t("card.cause"), [about(event, "cause") ?? ""]],
    [t("card.next"), [about(event, "consequence") ?? "", ifNothing(event)].filter(Boolean)],
    [t("card.do"), [about(event, "action") ?? ""]],
  ];
  return (
    <dl>
      {rows.map(([name, texts]) =>
        texts.some(Boolean) ? (
          <div key={name}>
            <dt>{name}</dt>
            {texts.map((each) => (
              <dd key={each}>{each}</dd>
            ))}
          </div>
        ) : null,
      )}
    </dl>
  );
}

function Evidence({ event }: { event: Happening }) {
  const model = event.model && `${t("card.model")} ${event.model.id} ${event.model.version} (${event.model.parameters})`;
  const rows = [...facts(event).map((pair) => pair.join(" ")), ...(model ? [model] : [])];
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{t("card.evidence")}</summary>
      <ul>
        {rows.map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
    </details>
  );
}

function Parts({ id }: { id: string }) {
  const parts = partsOf(id);
  if (parts.length === 0) return null;
  return (
    <details>
      <summary>{t("card.parts", { count: parts.length })}</summary>
      <ul>
        {parts.map((each) => (
          <li key={each.id}>
            {title(each.event)} <small>{subject(each.event)}</small>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What people said and did about this alarm, in its batch. */
function Said({ alarm }: { alarm: Alarm }) {
  const batch = isFormer(alarm) ? null : vessel(alarm.event.asset)?.batch;
  const from = batch ? Date.parse(batch.start) : 0;
  const about = ({ kind, detail, t: at }: Happening) => kind === "alarm" && detail["alarm"] === alarm.id && detail["why"] && Date.parse(at) >= from;
  const rows = events.value.filter(about);
  return (
    <ul class="said">
      {rows.slice(-5).map((each) => (
        <li key={each.number}>
          <small>
            {time(Date.parse(each.t))} {String(each.detail["by"])}, {maybe(`deed.alarm.${each.detail["what"]}`, String(each.detail["what"]))}:
          </small>{" "}
          {String(each.detail["why"])}
        </li>
      ))}
    </ul>
  );
}

export function DriftCard({ alarm }: { alarm: Alarm }) {
  const { event } = alarm;
  const card = useRef<HTMLElement>(null);
  const asked = route.value.query.get("alarm") === alarm.id;
  useEffect(() => {
    if (asked) card.current?.focus();
  }, [asked]);
  const since = Date.parse(event.since ?? alarm.raised);
  const shown = event.tag ?? event.causes[0]?.tag;
  const stage = event.stage === "suspected" || event.stage === "closed" ? ` · ${t(`card.${event.stage}`)}` : "";
  return (
    <article class={`card panel ${alarm.priority} ${alarm.state}`} tabIndex={-1} ref={card} aria-label={title(event)}>
      <header>
        <Mark priority={alarm.priority} pulse={unseen(alarm)} hollow={alarm.state === "shelved"} />
        <h3>{title(event)}</h3>
        <span class="priority">{t(`priority.${alarm.priority}`)}</span>
      </header>
      <p class="since">
        {subject(event)} · {t("card.since", { time: time(since), duration: duration(now.value - since) })}
        {stage} · {stateName(alarm)}
        {alarm.by ? ` (${alarm.by}, ${time(Date.parse(alarm.changed))})` : ""} · {t("card.respond", { time: duration(alarm.respond_min * 60_000) })}
      </p>
      <Facts event={event} />
      {shown ? <Spark name={shown} window={() => [since - 0.6 * (now.value - since) - MARGIN_MS, now.value]} /> : null}
      <Reasons event={event} />
      <Parts id={alarm.id} />
      <Said alarm={alarm} />
      <Actions alarm={alarm} />
      <Evidence event={event} />
    </article>
  );
}
