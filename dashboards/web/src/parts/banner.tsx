// Where the data come from is never in doubt, and neither is whether they still come.
import { line, lost, lostSince, stores, unkept } from "../state/live";
import { type Fate, leave, LIST, opened, over } from "../state/batches";
import { now } from "../state/clock";
import { playback } from "../state/playback";
import { session } from "../state/session";
import { duration, number } from "../text/format";
import { language, maybe, t } from "../text/language";

/** Nobody signs in here: said on every page. */
function Local() {
  if (!session.value?.local || line.value?.origin === "replay") return null;
  return (
    <p class="local" role="note">
      {t("banner.local")}
    </p>
  );
}

function Origin() {
  const { origin, speed } = line.value ?? { origin: "plant", speed: 1 };
  if (origin === "plant") return null;
  const run = playback.value;
  const still = run && Date.parse(run.now) >= Date.parse(run.end) ? t("play.end") : t("play.still");
  const pace = run?.playing ? (run.speed === null ? t("play.max") : t("banner.speed", { speed: number(run.speed, 0) })) : still;
  const playing = run ? ` · ${run.run} · ${pace}` : "";
  const faster = speed === 1 ? "" : ` · ${t("banner.speed", { speed: number(speed, speed % 1 ? 1 : 0) })}`;
  return (
    <p class={`banner ${origin}`} role="note">
      <span>
        {t(`banner.${origin}`)}
        {playing}
        {faster}
        {opened && !over.value ? (
          <>
            {" "}
            <button onClick={() => void leave()}>{t("play.leave")}</button>
          </>
        ) : null}
      </span>
    </p>
  );
}

/** What the stores do not take is not shown either: said before anybody reads that no alarm stands. */
function Unkept() {
  if (!unkept.value) return null;
  const names = Object.keys(stores.value).map((each) => maybe(`store.${each}`, each));
  return (
    <p class="contact" role="alert">
      <strong>{t("unkept.title", { names: names.join(", ") })}</strong> {t("unkept.text", { reason: [...new Set(Object.values(stores.value))].join("; ") })}
    </p>
  );
}

/** Why a playback is not open any more, in words. */
export function fateText({ vessel = "", batch = "", why = "closed", then }: Fate): string {
  const next = then ? `${then.vessel} · ${then.batch}` : "";
  return t(`play.over.${why}`, { run: `${vessel} · ${batch}`, next });
}

/** These pages are of a playback that was closed: what they show stays as it was. */
function Over() {
  if (!over.value) return null;
  return (
    <p class="contact" role="alert">
      <strong>{fateText(over.value)}</strong> {t("play.over.stays")} <a href={`${LIST}?lang=${language.value}`}>{t("play.over.list")}</a>
    </p>
  );
}

export function Banner() {
  return (
    <>
      <Over />
      <Unkept />
      <Origin />
      <Local />
    </>
  );
}

export function Lost() {
  void now.value; // counts up with the clock
  if (!lost.value || over.value) return null;
  return (
    <p class="contact" role="alert">
      <strong>{t("lost.title", { time: duration(Date.now() - lostSince.value) })}</strong> {t("lost.text")}
    </p>
  );
}
