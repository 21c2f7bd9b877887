import type { Tag, Vessel } from "../state/api";
import { now } from "../state/clock";
import { calling } from "../state/live";
import { HOUR, to } from "../state/route";
import { byUrgency, cardOf } from "../state/urgency";
import { nameOf } from "../text/format";
import { language } from "../text/language";
import { title } from "../text/words";
import { Spark } from "../trend/spark";
import { TimeToLimit } from "./ahead";
import { BatchLine } from "./batch";
import { HealthMark } from "./health";
import { Mark, unseen } from "./mark";
import { Outline } from "./outline";
import { RangeBar } from "./range-bar";
import { Value } from "./value";

const FIRST = ["pH", "pO2", "pCO2", "conductivity"];

/** The four quantities of every vessel; where a vessel has others, its first online tags. */
export function mainTags(vessel: Vessel): Tag[] {
  const online = vessel.tags.filter((each) => each.kind === "online");
  const named = FIRST.flatMap((name) => online.find((each) => each.name === name) ?? []);
  return named.length ? named : online.slice(0, 4);
}

const lastHours = (): [number, number] => [now.value - 8 * HOUR, now.value];

export function VesselCard({ vessel, sparks }: { vessel: Vessel; sparks: boolean }) {
  const open = byUrgency(calling.value.filter((each) => each.event.asset === vessel.id));
  const first = open[0];
  return (
    <article class="vessel panel" aria-label={vessel.id}>
      <header>
        <h2>
          <a href={to("unit", vessel.id)}>{vessel.id}</a>
          {vessel.name[language.value] === vessel.id ? null : <small>{vessel.name[language.value]}</small>}
        </h2>
        <BatchLine vessel={vessel} />
      </header>
      <div class="body">
        <Outline vessel={vessel} />
        <ul class="bars">
          {mainTags(vessel).map((tag) => (
            <li key={tag.id}>
              <a href={to("tag", tag.id)}>{nameOf(tag.name)}</a>
              <Value tag={tag} />
              <RangeBar tag={tag} />
              {sparks ? <Spark name={tag.id} window={lastHours} /> : null}
            </li>
          ))}
        </ul>
      </div>
      <footer>
        {vessel.batch?.ended ? null : (
          <>
            <HealthMark asset={vessel.id} />
            <TimeToLimit asset={vessel.id} />
          </>
        )}
        {first ? (
          <a class="worst" href={cardOf(first)}>
            <Mark priority={first.priority} pulse={unseen(first)} />
            <span>
              {title(first.event)}
              {open.length > 1 ? ` +${open.length - 1}` : ""}
            </span>
          </a>
        ) : null}
      </footer>
    </article>
  );
}
