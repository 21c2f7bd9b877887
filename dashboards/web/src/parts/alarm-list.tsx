import type { Alarm } from "../state/api";
import { now } from "../state/clock";
import { aside, calling, partsOf, unkept } from "../state/live";
import { to } from "../state/route";
import { byUrgency, cardOf } from "../state/urgency";
import { duration, time } from "../text/format";
import { t } from "../text/language";
import { subject, title, together, verdictName } from "../text/words";
import { Mark, stateName, unseen } from "./mark";

function Row({ alarm }: { alarm: Alarm }) {
  const { event } = alarm;
  const parts = partsOf(alarm.id).length;
  const since = Date.parse(event.since ?? alarm.raised);
  return (
    <li class={alarm.state}>
      <a href={cardOf(alarm)}>
        <Mark priority={alarm.priority} pulse={unseen(alarm)} />
        <span class="what">
          {title(event)}
          <small>
            {subject(event)} · {event.verdict && event.verdict !== "unknown" ? `${verdictName(event.verdict)} · ` : ""}
            {t("card.since", { time: time(since), duration: duration(now.value - since) })} · {stateName(alarm)}
          </small>
          {together(event) ? <small>{together(event)}</small> : null}
          {parts ? <small>{t("alarms.parts", { count: parts })}</small> : null}
        </span>
      </a>
    </li>
  );
}

export function AlarmList({ most }: { most: number }) {
  const rows = byUrgency(calling.value);
  return (
    <section class="alarms panel" aria-labelledby="alarms">
      <h2 id="alarms">
        {t("alarms.title")} <span class="count">{rows.length || ""}</span>
      </h2>
      {rows.length === 0 ? <p class="quiet">{t(unkept.value ? "alarms.unkept" : "alarms.none")}</p> : null}
      <ol>
        {rows.slice(0, most).map((each) => (
          <Row key={each.id} alarm={each} />
        ))}
      </ol>
      {aside.value.length ? (
        <p class="quiet">
          <a href={to("alarms")}>{t("alarms.aside", { count: aside.value.length })}</a>
        </p>
      ) : null}
      {rows.length > most ? <p class="quiet">{t("alarms.more", { count: rows.length - most })}</p> : null}
    </section>
  );
}
