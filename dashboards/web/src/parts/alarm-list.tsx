import type { Alarm } from "../state/api";
import { now } from "../state/clock";
import { alarms } from "../state/live";
import { byUrgency, cardOf } from "../state/urgency";
import { duration, time } from "../text/format";
import { t } from "../text/language";
import { subject, title, together, verdictName } from "../text/words";
import { Mark, stateName } from "./mark";

const ROWS = 10;

function Row({ alarm }: { alarm: Alarm }) {
  const { event } = alarm;
  const since = Date.parse(event.since ?? alarm.raised);
  return (
    <li class={alarm.state}>
      <a href={cardOf(alarm)}>
        <Mark priority={alarm.priority} pulse={alarm.state !== "acked"} />
        <span class="what">
          {title(event)}
          <small>
            {subject(event)} · {event.verdict && event.verdict !== "unknown" ? `${verdictName(event.verdict)} · ` : ""}
            {t("card.since", { time: time(since), duration: duration(now.value - since) })} · {stateName(alarm)}
          </small>
          {together(event) ? <small>{together(event)}</small> : null}
        </span>
      </a>
    </li>
  );
}

export function AlarmList() {
  const rows = byUrgency(alarms.value);
  return (
    <section class="alarms panel" aria-labelledby="alarms">
      <h2 id="alarms">
        {t("alarms.title")} <span class="count">{rows.length || ""}</span>
      </h2>
      {rows.length === 0 ? <p class="quiet">{t("alarms.none")}</p> : null}
      <ol>
        {rows.slice(0, ROWS).map((each) => (
          <Row key={each.id} alarm={each} />
        ))}
      </ol>
      {rows.length > ROWS ? <p class="quiet">{t("alarms.more", { count: rows.length - ROWS })}</p> : null}
    </section>
  );
}
