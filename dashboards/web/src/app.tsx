import { Announcer } from "./parts/announcer";
import { Banner, Lost } from "./parts/banner";
import { Header } from "./parts/header";
import { PlayBar } from "./parts/playbar";
import { Diagnostics } from "./pages/diagnostics";
import { AlarmsPage } from "./pages/alarms";
import { BatchesPage } from "./pages/batches";
import { LinePage } from "./pages/line";
import { ModelsPage } from "./pages/models";
import { PeoplePage } from "./pages/people";
import { SignIn, Welcome } from "./pages/sign-in";
import { StopPage, SubscriptionsPage } from "./pages/subscriptions";
import { TagPage } from "./pages/tag";
import { TrailPage } from "./pages/trail";
import { UnitPage } from "./pages/unit";
import { WhatIfPage } from "./pages/whatif";
import { line, lost } from "./state/live";
import { route, to } from "./state/route";
import { may, session, stranger } from "./state/session";
import { t } from "./text/language";

/** Permission that a page asks for. */
const NEEDED: Record<string, string> = { "what-if": "engineer", batches: "engineer", people: "administer", trail: "review" };

function Nowhere({ page }: { page: string }) {
  return (
    <section class="narrow panel">
      <p>
        {t("page.none", { page })} <a href={to("")}>{t("back.line")}</a>
      </p>
    </section>
  );
}

function Closed() {
  const role = session.value?.role;
  return (
    <section class="narrow panel">
      <p>
        {t("page.closed", { role: role ? t(`role.${role}`) : "--" })} <a href={to("")}>{t("back.line")}</a>
      </p>
    </section>
  );
}

function Page() {
  const { page, id } = route.value;
  if (page === "stop") return <StopPage />;
  if (page === "welcome") return <Welcome />;
  if (stranger.value) return <SignIn />;
  if (!line.value) return <p class="empty">{t(lost.value ? "app.unreachable" : "app.loading")}</p>;
  if (page === "unit") return <UnitPage key={id} id={id} />;
  if (page === "tag") return <TagPage key={id} id={id} />;
  const needed = NEEDED[page];
  if (needed && !may(needed)) return <Closed />;
  if (page === "what-if") return <WhatIfPage key={id} id={id} />;
  if (page === "diagnostics") return <Diagnostics />;
  if (page === "alarms") return <AlarmsPage />;
  if (page === "subscriptions") return <SubscriptionsPage />;
  if (page === "batches") return <BatchesPage key={id} fate={id} />;
  if (page === "models") return <ModelsPage />;
  if (page === "people") return <PeoplePage />;
  if (page === "trail") return <TrailPage />;
  return page === "" ? <LinePage /> : <Nowhere page={page} />;
}

const toContent = (event: Event) => {
  event.preventDefault();
  document.getElementById("content")?.focus();
};

export function App() {
  return (
    <div class={lost.value ? "app lost" : "app"}>
      <a class="skip" href="#content" onClick={toContent}>
        {t("app.skip")}
      </a>
      <Banner />
      <Header />
      {stranger.value ? null : <Lost />}
      <main id="content" tabIndex={-1}>
        <Page />
      </main>
      <PlayBar />
      <Announcer />
    </div>
  );
}
