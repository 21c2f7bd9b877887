// The product's face: what is wrong, where, since when, how large, who, why, and what to do.
import { useEffect, useRef, useState } from "preact/hooks";
import { acknowledge, type Alarm, type Happening } from "../state/api";
import { now } from "../state/clock";
import { alarms } from "../state/live";
import { route } from "../state/route";
import { may, refused } from "../state/session";
import { duration, percent, time } from "../text/format";
import { t } from "../text/language";
import { about, evidence, facts, others, rate, reason, size, subject, title, together, verdictName } from "../text/words";
import { Spark } from "../trend/spark";
import { Mark, stateName } from "./mark";

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
    [t("card.next"), [about(event, "consequence") ?? ""]],
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

function Acknowledge({ alarm }: { alarm: Alarm }) {
  const [sending, setSending] = useState(false);
  const [failed, setFailed] = useState<Error | null>(null);
  if (alarm.state === "acked") {
    return <p class="quiet">{t("card.by", { by: alarm.by || "--", time: time(Date.parse(alarm.changed)) })}</p>;
  }
  if (!may("operate")) return null;
  const send = () => {
    setSending(true);
    setFailed(null);
    acknowledge(alarm.id)
      .then((moved) => {
        const rest = alarms.peek().map((each) => (each.id === moved.id ? moved : each));
        alarms.value = rest.filter((each) => each.state !== "normal");
      })
      .catch((error: Error) => {
        refused(error);
        setFailed(error);
      })
      .finally(() => setSending(false));
  };
  return (
    <p class="actions">
      <button onClick={send} disabled={sending}>
        {t(sending ? "card.sending" : "card.ack")}
      </button>
      {failed ? <span role="alert">{t("card.failed", { reason: reason(failed) })}</span> : null}
    </p>
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
        <Mark priority={alarm.priority} pulse={alarm.state !== "acked"} />
        <h3>{title(event)}</h3>
        <span class="priority">{t(`priority.${alarm.priority}`)}</span>
      </header>
      <p class="since">
        {subject(event)} · {t("card.since", { time: time(since), duration: duration(now.value - since) })}
        {stage} · {stateName(alarm)}
      </p>
      <Facts event={event} />
      {shown ? <Spark name={shown} window={() => [since - 0.6 * (now.value - since) - MARGIN_MS, now.value]} /> : null}
      <Reasons event={event} />
      <Acknowledge alarm={alarm} />
      <Evidence event={event} />
    </article>
  );
}
