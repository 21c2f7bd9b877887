// How far each twin may be trusted now, in plain words.
import { twins, type Twin } from "../state/twins";
import { to } from "../state/route";
import { nameOf, number, percent, time } from "../text/format";
import { message, t } from "../text/language";

/** Below these shares a thing is not known, or hardly. */
const UNKNOWN = 0.1;
const HARDLY = 0.4;

const causeOf = (code: string) => message(`cause.${code}.name`) ?? code.replaceAll("_", " ");
const between = (shares: Record<string, number>, from: number, below: number) =>
  Object.keys(shares).filter((each) => (shares[each] ?? 0) >= from && (shares[each] ?? 0) < below);

/** What the sensors now alive do not tell, a sentence each. */
function unknown({ quantities, faults, silent }: Twin): string[] {
  const say = (key: "trust.unknown" | "trust.hardly" | "trust.untold" | "trust.silent", names: string[]) =>
    names.length ? [t(key, { names: names.join(", ") })] : [];
  return [
    ...say("trust.silent", silent.map(nameOf)),
    ...say("trust.unknown", between(quantities, 0, UNKNOWN).map(nameOf)),
    ...say("trust.hardly", between(quantities, UNKNOWN, HARDLY).map(nameOf)),
    ...say("trust.untold", between(faults, 0, UNKNOWN).map(causeOf)),
  ];
}

function Row({ twin }: { twin: Twin }) {
  const { nis } = twin;
  const band = `${number(nis.low, 2)}–${number(nis.high, 2)}`;
  const lines = unknown(twin);
  return (
    <tr class={twin.trust === "advice" ? "" : "down"}>
      <th>
        <a href={to("unit", twin.asset)}>{twin.asset}</a>
      </th>
      <td data-label={t("trust.level")}>
        <strong>{t(`trust.${twin.trust}`)}</strong>
        {twin.trust === "advice" || !twin.since ? null : <small>{t("trust.since", { time: time(Date.parse(twin.since)) })}</small>}
        {twin.reasons.map((each) => (
          <small key={each}>{causeOf(each)}</small>
        ))}
      </td>
      <td class="amount" data-label={t("trust.nis")} title={t("trust.inside", { share: percent(nis.inside), band })}>
        {number(nis.value, 2)}
      </td>
      <td class="amount" data-label={t("trust.white")}>{number(twin.correlation, 2)}</td>
      <td data-label={t("trust.observed")}>{lines.length ? lines.map((each) => <small key={each}>{each}</small>) : t("trust.all")}</td>
    </tr>
  );
}

export function Twins() {
  if (twins.value.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="twins">
      <h2 id="twins">{t("trust.title")}</h2>
      <div class="scroll">
        <table class="stacks">
          <thead>
            <tr>
              <th>{t("trust.unit")}</th>
              <th>{t("trust.level")}</th>
              <th class="amount" title={t("trust.nis.help")}>
                {t("trust.nis")}
              </th>
              <th class="amount" title={t("trust.white.help")}>
                {t("trust.white")}
              </th>
              <th>{t("trust.observed")}</th>
            </tr>
          </thead>
          <tbody>
            {twins.value.map((each) => (
              <Row key={each.asset} twin={each} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
