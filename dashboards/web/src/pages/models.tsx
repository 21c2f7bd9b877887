// Models by name and version: who proposed them and why, what they rest on; quality decides, with a reason.
import { useEffect, useState } from "preact/hooks";
import { Broken } from "../parts/broken";
import { get, send } from "../state/api";
import type { Act, Contents, Registry, Sort, Version } from "../state/models";
import { may, refused, session } from "../state/session";
import { stamp } from "../text/format";
import { language, t } from "../text/language";
import { reason } from "../text/words";

const significant = (value: number) => new Intl.NumberFormat(language.value, { maximumSignificantDigits: 6 }).format(value);

type Deed = "approve" | "reject" | "roll-back";

function Said({ what, act }: { what: string; act: Act }) {
  return (
    <p>
      {what} <b>{act.who}</b> <small>{t(`role.${act.role}`)}</small> <time dateTime={act.t}>{stamp(Date.parse(act.t))}</time> – {act.why}
    </p>
  );
}

/** Parameters and training runs, read when somebody opens them. */
function Inside({ version }: { version: Version }) {
  const [found, setFound] = useState<Contents | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const read = (event: Event) => {
    if (!(event.currentTarget as HTMLDetailsElement).open || found) return;
    get<Contents>(`models/${version.name}/${version.number}`).then(setFound).catch(setProblem);
  };
  return (
    <details onToggle={read}>
      <summary>{t("models.inside")}</summary>
      <Broken text={problem ? reason(problem) : ""} block />
      {found ? (
        <div class="inside">
          <table>
            <caption>{t("models.values")}</caption>
            <tbody>
              {Object.entries(found.values).map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="amount">{significant(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {found.rests_on.length ? (
            <table>
              <caption>{t("models.rests")}</caption>
              <tbody>
                {found.rests_on.map((each) => (
                  <tr key={each.part + each.name}>
                    <td>{t(`models.part.${each.part}`)}</td>
                    <th scope="row">{each.name}</th>
                    <td>
                      <code title={each.sha256}>{each.sha256.slice(0, 12)}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p class="quiet">{t("models.restless")}</p>
          )}
        </div>
      ) : null}
    </details>
  );
}

/** The reason, and a button for each decision that may be taken. */
function Decide({ version, deeds, done }: { version: Version; deeds: Deed[]; done: () => void }) {
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const act = (deed: Deed) => {
    if (!why.trim()) return setProblem(t("models.unreasoned"));
    setBusy(true);
    setProblem("");
    send<Version>(`models/${version.name}/${version.number}/${deed}`, { why })
      .then(done)
      .catch((error: Error) => {
        refused(error);
        setProblem(reason(error));
      })
      .finally(() => setBusy(false));
  };
  return (
    <div class="decide">
      <label>
        {t("models.why")}
        <input value={why} maxLength={500} onInput={(event) => setWhy(event.currentTarget.value)} />
      </label>
      <p class="actions">
        {deeds.map((each) => (
          <button key={each} disabled={busy} onClick={() => act(each)} aria-label={`${t(`models.${each}`)}: ${version.id}`}>
            {t(`models.${each}`)}
          </button>
        ))}
        <Broken text={problem} />
      </p>
    </div>
  );
}

function deedsOn(version: Version, registry: Registry): Deed[] {
  if (!may("approve")) return [];
  if (version.standing === "approved") return registry.approved[version.name] === version.number ? [] : ["roll-back"];
  if (version.standing !== "proposed") return [];
  const own = registry.two_persons && version.proposed.who === session.value?.name;
  return own ? ["reject"] : ["approve", "reject"];
}

function Card({ version, registry, done }: { version: Version; registry: Registry; done: () => void }) {
  const current = registry.approved[version.name] === version.number;
  const places = Object.keys(registry.in_use).filter((each) => registry.in_use[each] === version.id);
  const deeds = deedsOn(version, registry);
  const { id, version: of, parameters } = version.model;
  return (
    <article class={`version ${version.standing}`} aria-label={version.id}>
      <h3>
        {version.id} <span class="standing">{t(`standing.${version.standing}`)}</span>
        {current ? <span class="standing">{t("models.current")}</span> : null}
        {places.length ? <span class="standing">{t("models.runs", { units: places.map((each) => each.split("/")[0]).join(", ") })}</span> : null}
      </h3>
      <p class="quiet">
        {t(`models.${version.sort}`)} {id} {of}, {parameters} · SHA-256 <code title={version.sha256}>{version.sha256.slice(0, 12)}</code>
      </p>
      <Said what={t("models.proposed")} act={version.proposed} />
      {version.decided ? <Said what={t(`models.was.${version.standing}`)} act={version.decided} /> : null}
      <Inside version={version} />
      {deeds.length ? <Decide version={version} deeds={deeds} done={done} /> : null}
    </article>
  );
}

export function ModelsPage() {
  const [registry, setRegistry] = useState<Registry | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const read = () =>
    void get<Registry>("models")
      .then(setRegistry)
      .catch((error: Error) => {
        refused(error);
        setProblem(error);
      });
  useEffect(read, []);
  if (problem) return <p class="broken panel">{reason(problem)}</p>;
  if (!registry) return <p class="empty">{t("app.loading")}</p>;
  const names = [...new Set(registry.versions.map((each) => each.name))];
  return (
    <div class="models-page">
      <section class="panel" aria-labelledby="models">
        <h2 id="models">{t("models.title")}</h2>
        <p class="quiet">
          {t("models.help")} {registry.two_persons ? t("models.two") : ""}
        </p>
        {names.length ? null : <p class="quiet">{t("models.none")}</p>}
      </section>
      {names.map((name) => (
        <section key={name} class="panel" aria-label={name}>
          <h2>{name}</h2>
          {registry.versions
            .filter((each) => each.name === name)
            .reverse()
            .map((each) => (
              <Card key={each.id} version={each} registry={registry} done={read} />
            ))}
        </section>
      ))}
    </div>
  );
}

/** Which versions run, for the diagnostics; nothing where the line names none. */
export function InUse() {
  const [used, setUsed] = useState<Record<string, string>>({});
  useEffect(() => {
    get<Registry>("models").then((found) => setUsed(found.in_use)).catch(refused);
  }, []);
  if (Object.keys(used).length === 0) return null;
  return (
    <section class="panel" aria-labelledby="in-use">
      <h2 id="in-use">{t("models.in_use")}</h2>
      <ul class="sum">
        {Object.entries(used).map(([place, id]) => {
          const [unit, sort] = place.split("/") as [string, Sort];
          return (
            <li key={place}>
              <b>{id}</b> {unit} <small>{t(`models.${sort}`)}</small>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
