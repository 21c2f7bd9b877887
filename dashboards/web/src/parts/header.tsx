import { now } from "../state/clock";
import { line } from "../state/live";
import { route, to } from "../state/route";
import { day, time } from "../text/format";
import { LANGUAGES, language, speak, t } from "../text/language";

function Clock() {
  return (
    <time class="clock" title={t("clock.line")} dateTime={new Date(now.value).toISOString()}>
      {day(now.value)} {time(now.value, true)}
    </time>
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

export function Header() {
  const { page } = route.value;
  const known = line.value;
  const here = (is: boolean) => (is ? { "aria-current": "page" as const } : {});
  return (
    <header class="top">
      <h1>
        <a href={to("")}>{known?.title[language.value] ?? known?.id ?? "Bioline Twin"}</a>
        <small>{known?.site}</small>
      </h1>
      <nav aria-label={t("nav.pages")}>
        <a href={to("")} {...here(page === "")}>
          {t("nav.line")}
        </a>
        {known?.vessels.length !== undefined && known.vessels.length <= 8
          ? known.vessels.map((each) => (
              <a key={each.id} href={to("unit", each.id)} {...here(page === "unit" && route.value.id === each.id)}>
                {each.id}
              </a>
            ))
          : null}
        <a href={to("diagnostics")} {...here(page === "diagnostics")}>
          {t("nav.diagnostics")}
        </a>
      </nav>
      <Clock />
      <Languages />
    </header>
  );
}
