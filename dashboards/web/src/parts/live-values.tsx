// Live values of a unit in place: probes, gas, feeds, vessel.
import type { Tag, Vessel } from "../state/api";
import { to } from "../state/route";
import { nameOf } from "../text/format";
import { type Key, t } from "../text/language";
import { RangeBar } from "./range-bar";
import { Value } from "./value";

const GROUPS: [Key, RegExp][] = [
  ["values.probes", /^(pH|pO2|pCO2|conductivity|temperature)$/],
  ["values.gas", /^(flow_|offgas_|pressure)/],
  ["values.liquid", /^(feed_|base_)/],
];

function groups(vessel: Vessel): [Key, Tag[]][] {
  const online = vessel.tags.filter((each) => each.kind === "online");
  const of = (name: string) => GROUPS.find(([, pattern]) => pattern.test(name))?.[0] ?? "values.vessel";
  const keys: Key[] = [...GROUPS.map(([key]) => key), "values.vessel"];
  return keys.map((key) => [key, online.filter((each) => of(each.name) === key)]);
}

export function LiveValues({ vessel }: { vessel: Vessel }) {
  return (
    <section class="live panel" aria-labelledby="values">
      <h2 id="values">{t("values.title")}</h2>
      {groups(vessel).map(([key, members]) =>
        members.length ? (
          <div key={key}>
            <h3>{t(key)}</h3>
            <ul class="bars">
              {members.map((tag) => (
                <li key={tag.id}>
                  <a href={to("tag", tag.id)}>{nameOf(tag.name)}</a>
                  <Value tag={tag} />
                  <RangeBar tag={tag} />
                </li>
              ))}
            </ul>
          </div>
        ) : null,
      )}
    </section>
  );
}
