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
import { route } from "./state/route";
import { may, stranger } from "./state/session";
import { t } from "./text/language";

function Page() {
  const { page, id } = route.value;
  if (page === "stop") return <StopPage />;
  if (page === "welcome") return <Welcome />;
  if (stranger.value) return <SignIn />;
  if (!line.value) return <p class="empty">{t(lost.value ? "app.unreachable" : "app.loading")}</p>;
  if (page === "unit") return <UnitPage key={id} id={id} />;
  if (page === "tag") return <TagPage key={id} id={id} />;
  if (page === "what-if" && may("engineer")) return <WhatIfPage key={id} id={id} />;
  if (page === "diagnostics") return <Diagnostics />;
  if (page === "alarms") return <AlarmsPage />;
  if (page === "subscriptions") return <SubscriptionsPage />;
  if (page === "batches" && may("engineer")) return <BatchesPage />;
  if (page === "models") return <ModelsPage />;
  if (page === "people" && may("administer")) return <PeoplePage />;
  if (page === "trail" && may("review")) return <TrailPage />;
  return <LinePage />;
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
