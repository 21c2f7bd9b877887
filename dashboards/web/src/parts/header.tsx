import type { Line } from "../state/api";
import { now } from "../state/clock";
import { line } from "../state/live";
import { route, to } from "../state/route";
import { fromWall, toWall, wall } from "../state/wall";
import { may, session, signOut, stranger } from "../state/session";
import { day, time } from "../text/format";
import { LANGUAGES, language, speak, t } from "../text/language";

function Clock() {
  return (
    <time class="clock" title={t("clock.line")} dateTime={new Date(now.value).toISOString()}>
      {day(now.value)} {time(now.value, true)}
    </time>
  );
}

/** Pages that need a permission, each with those of which one is enough. */
const EXTRA = [
  ["subscriptions", ["read"]],
  ["batches", ["engineer"]],
  ["models", ["engineer", "approve"]],
  ["people", ["administer"]],
  ["trail", ["review"]],
] as const;

/** Pages that say nothing of a replay. */
const LIVE_ONLY = new Set<string>(["batches", "models"]);

function Who() {
  const known = session.value;
  if (!known?.name || known.local || !known.role) return null;
  return (
    <span class="who">
      {known.name} <small>{t(`role.${known.role}`)}</small> <button onClick={() => void signOut()}>{t("sign.out")}</button>
    </span>
  );
}

function Languages() {
  return (
    <div class="languages" role="group" aria-label={t("nav.language")}>
      {LANGUAGES.map((each) => (
        <button key={each} lang={each} aria-pressed={each === language.value} onClick={() => speak(each)}>
          {each.toUpperCase()}
        </button>
      ))}
    </div>
  );
}

/** The switch to and from the wall. */
function Wall() {
  if (route.value.page !== "" || stranger.value) return null;
  return (
    <button class="to-wall" aria-pressed={wall.value} title={t("wall.hint")} onClick={wall.value ? fromWall : toWall}>
      {t("nav.wall")}
    </button>
  );
}

function Pages({ known }: { known: Line }) {
  const { page, id } = route.value;
  const replayed = known.origin === "replay";
  const here = (is: boolean) => (is ? { "aria-current": "page" as const } : {});
  return (
    <nav aria-label={t("nav.pages")}>
      <a href={to("")} {...here(page === "")}>
        {t("nav.line")}
      </a>
      {known.vessels.length <= 8
        ? known.vessels.map((each) => (
            <a key={each.id} href={to("unit", each.id)} {...here(page === "unit" && id === each.id)}>
              {each.id}
            </a>
          ))
        : null}
      <a href={to("alarms")} {...here(page === "alarms")}>
        {t("nav.alarms")}
      </a>
      <a href={to("diagnostics")} {...here(page === "diagnostics")}>
        {t("nav.diagnostics")}
      </a>
      {EXTRA.filter(([name, permissions]) => permissions.some(may) && !(replayed && LIVE_ONLY.has(name))).map(([name]) => (
        <a key={name} href={to(name)} {...here(page === name)}>
          {t(`nav.${name}`)}
        </a>
      ))}
    </nav>
  );
}

/** Pages and clock of the line are for those who are let in. */
export function Header() {
  const known = stranger.value ? null : line.value;
  return (
    <header class="top">
      <h1>
        <a href={to("")}>{known?.title[language.value] ?? known?.id ?? "Bioline Twin"}</a>
        <small>{known?.site}</small>
      </h1>
      {known ? <Pages known={known} /> : <span class="space" />}
      {known ? <Clock /> : null}
      <Who />
      <Wall />
      <Languages />
    </header>
  );
}
