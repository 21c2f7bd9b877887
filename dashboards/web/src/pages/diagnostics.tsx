// L4, thin: are all links up, and is every sample accounted for.
import { useEffect, useState } from "preact/hooks";
import { type Alarm, type Counters, get, type Link } from "../state/api";
import { now } from "../state/clock";
import { Twins } from "../parts/twins";
import { calling, vessel } from "../state/live";
import { duration, number } from "../text/format";
import { message, t } from "../text/language";
import { said } from "../text/said";
import { reason } from "../text/words";
import { InUse } from "./models";
import { Cards } from "./unit";

const EVERY_MS = 2000;
const SAYS_NOTHING = new Set(["", "connected"]);

function Links({ links }: { links: Link[] }) {
  return (
    <section class="panel" aria-labelledby="links">
      <h2 id="links">{t("diag.links")}</h2>
      {links.length === 0 ? <p class="quiet">{t("diag.none")}</p> : null}
      <div class="scroll">
        <table class="stacks">
          <thead>
            <tr>
              <th>{t("diag.source")}</th>
              <th>{t("diag.state")}</th>
              <th>{t("diag.since")}</th>
              <th class="amount">{t("diag.received")}</th>
              <th class="amount">{t("diag.gaps")}</th>
              <th class="amount">{t("diag.skew")}</th>
            </tr>
          </thead>
          <tbody>
            {links.map((each) => (
              <tr key={each.source} class={each.up ? "" : "down"}>
                <th>{each.source}</th>
                <td data-label={t("diag.state")}>
                  <strong>{t(each.up ? "diag.up" : "diag.down")}</strong>
                  {each.up && SAYS_NOTHING.has(each.text) ? null : <small>{said(each.text)}</small>}
                </td>
                <td data-label={t("diag.since")}>{duration(now.value - Date.parse(each.since))}</td>
                <td class="amount" data-label={t("diag.received")}>{number(each.received, 0)}</td>
                <td class="amount" data-label={t("diag.gaps")}>{number(each.gaps, 0)}</td>
                <td class="amount" data-label={t("diag.skew")}>{each.skew_s === null ? null : `${number(each.skew_s, 1)} s`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const total = (parts: Record<string, number>) => Object.values(parts).reduce((sum, each) => sum + each, 0);

function Term({ name, count, parts = {} }: { name: string; count: number; parts?: Record<string, number> }) {
  return (
    <li>
      <b class="figure">{number(count, 0)}</b> {name}
      {Object.entries(parts).map(([reason, part]) => (
        <small key={reason}>
          {message(`refusal.${reason}`) ?? reason}: {number(part, 0)}
        </small>
      ))}
    </li>
  );
}

function Sum({ counters }: { counters: Counters }) {
  const { received, stored, duplicate, pending, quarantined, rejected } = counters;
  const missing = received - stored - duplicate - pending - total(quarantined) - total(rejected);
  return (
    <section class="panel" aria-labelledby="sum">
      <h2 id="sum">{t("diag.counters")}</h2>
      <ul class="sum">
        <Term name={t("diag.sum.received")} count={received} />
        <Term name={t("diag.sum.stored")} count={stored} />
        <Term name={t("diag.sum.duplicate")} count={duplicate} />
        <Term name={t("diag.sum.quarantined")} count={total(quarantined)} parts={quarantined} />
        <Term name={t("diag.sum.rejected")} count={total(rejected)} parts={rejected} />
        <Term name={t("diag.sum.pending")} count={pending} />
      </ul>
      <p class={counters.holds ? "quiet" : "broken"}>
        {counters.holds ? t("diag.closes") : t("diag.open", { count: number(missing, 0) })}
      </p>
    </section>
  );
}

/** Alarms that no unit's page shows. */
const ofSource = (alarm: Alarm) => !vessel(alarm.event.asset);

export function Diagnostics() {
  const [links, setLinks] = useState<Link[] | null>(null);
  const [counters, setCounters] = useState<Counters | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  useEffect(() => {
    const read = async (): Promise<void> => {
      setLinks(await get<Link[]>("links"));
      setCounters(await get<Counters>("counters"));
      setProblem(null);
    };
    const ask = () => void read().catch(setProblem);
    ask();
    const timer = setInterval(ask, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="diagnostics">
      {problem ? <p class="broken panel">{t("diag.failed", { reason: reason(problem) })}</p> : null}
      {calling.value.some(ofSource) ? <Cards of={ofSource} about={[]} /> : null}
      {links ? <Links links={links} /> : null}
      <Twins />
      <InUse />
      {counters ? <Sum counters={counters} /> : null}
    </div>
  );
}
