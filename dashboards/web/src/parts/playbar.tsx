// The time bar of a replay: the whole run as a strip, a playhead, speed, steps, and what was known when.
import { useState } from "preact/hooks";
import { Broken } from "./broken";
import { over } from "../state/batches";
import { line } from "../state/live";
import { type Mark, move, type Move, playback } from "../state/playback";
import { refused } from "../state/session";
import { batchAge, number, stamp } from "../text/format";
import { t } from "../text/language";
import { reason } from "../text/words";

const SPEEDS = ["1", "10", "60", "600", "3600", "max"];
/** The nearest finding before or after a time, by when it was told [ms]. */
function finding(marks: Mark[], now: number, ahead: boolean): number | undefined {
  const times = marks.filter((each) => each.sort === "event").map((each) => Date.parse(each.t));
  return ahead ? times.filter((t) => t > now).sort((a, b) => a - b)[0] : times.filter((t) => t < now).sort((a, b) => b - a)[0];
}

const STEPS = [-3600, -900, 900, 3600];

export function PlayBar() {
  const state = playback.value;
  const [problem, setProblem] = useState("");
  const [dragged, setDragged] = useState<number | null>(null);
  if (!state || line.value?.origin !== "replay" || over.value) return null;
  const go = (what: Move) => {
    setProblem("");
    move(what)
      .catch((error: Error) => {
        refused(error);
        setProblem(reason(error));
      })
      .finally(() => setDragged(null));
  };
  const [start, end, ready] = [state.start, state.end, state.ready].map(Date.parse) as [number, number, number];
  const now = dragged ?? Date.parse(state.now);
  const share = (ms: number) => `${(100 * Math.min(1, Math.max(0, (ms - start) / Math.max(1, end - start)))).toFixed(3)}%`;
  const batch = line.value.vessels.find((each) => each.batch)?.batch;
  const speed = state.speed === null ? "max" : String(state.speed);
  const models = Object.entries(state.models).map(([asset, { id, version, parameters }]) => `${asset}: ${id} ${version} ${parameters}`);
  const asOf = [...models, t("play.limits", { hash: state.line_sha256.slice(0, 12) })].join(" · ");
  const seek = (ms: number) => go({ to: new Date(Math.min(ms, ready)).toISOString() });
  return (
    <section class="playbar" aria-label={t("play.title")}>
      <div class="track">
        <i class="ready" style={{ width: share(ready) }} />
        {state.marks.map((each) => (
          <i key={each.t + each.about} class={each.sort} style={{ left: share(Date.parse(each.t)) }} title={`${stamp(Date.parse(each.t))} ${each.about}`} />
        ))}
        <input
          type="range"
          min={start}
          max={end}
          step={60_000}
          value={now}
          aria-label={t("play.head")}
          aria-valuetext={stamp(now)}
          onInput={(event) => setDragged(Number(event.currentTarget.value))}
          onChange={(event) => seek(Number(event.currentTarget.value))}
        />
      </div>
      <p class="actions">
        <button disabled={!state.playing && Date.parse(state.now) >= end} onClick={() => go(state.playing ? { pause: true } : { speed: state.speed ?? "max" })}>{t(state.playing ? "play.pause" : "play.play")}</button>
        {STEPS.map((each) => (
          <button key={each} onClick={() => go({ step_s: each })} title={t("play.step", { minutes: number(each / 60, 0, true) })}>
            {number(each / 60, 0, true)} min
          </button>
        ))}
        {[false, true].map((ahead) => {
          const there = finding(state.marks, now, ahead);
          return (
            <button key={String(ahead)} disabled={there === undefined} onClick={() => there !== undefined && seek(there)}>
              {t(ahead ? "play.next" : "play.previous")}
            </button>
          );
        })}
        <label>
          {t("play.speed")}
          <select value={speed} onChange={(event) => go({ speed: event.currentTarget.value === "max" ? "max" : Number(event.currentTarget.value) })}>
            {SPEEDS.map((each) => (
              <option key={each} value={each} selected={each === speed}>
                {each === "max" ? t("play.max") : `${number(Number(each), 0)} ×`}
              </option>
            ))}
          </select>
        </label>
        <span class="figure">
          {stamp(now)} {batch ? batchAge(now - Date.parse(batch.start)) : ""}
        </span>
        <span role="group" aria-label={t("play.known")} class="ranges">
          <button aria-pressed={!state.hindsight} onClick={() => go({ hindsight: false })}>
            {t("play.then")}
          </button>
          <button aria-pressed={state.hindsight} onClick={() => go({ hindsight: true })}>
            {t("play.now")}
          </button>
        </span>
        {ready < end ? <small>{t("play.ready", { time: stamp(ready) })}</small> : null}
        {state.filled ? <small class="filled">{t("play.filled")}</small> : null}
        <Broken text={problem} />
        <small class="as-of">{asOf}</small>
      </p>
    </section>
  );
}
