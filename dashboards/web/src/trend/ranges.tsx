import { choose, range, RANGES } from "../state/route";
import { type Key, t } from "../text/language";

export function Ranges() {
  const { preset } = range.value;
  return (
    <div class="ranges" role="group" aria-label={t("range.title")} title={t("range.help")}>
      {Object.keys(RANGES).map((each) => (
        <button key={each} aria-pressed={preset === each} onClick={() => choose(each)}>
          {t(`range.${each}` as Key)}
        </button>
      ))}
      {preset === null ? <button onClick={() => choose("24h")}>{t("range.live")}</button> : null}
    </div>
  );
}

export function Legend() {
  const marks = ["measured", "twin", "forecast", "setpoint", "limit", "lab", "fault"] as const;
  return (
    <ul class="legend" aria-hidden="true">
      {marks.map((each) => (
        <li key={each}>
          <i class={each} />
          {t(`legend.${each}`)}
        </li>
      ))}
    </ul>
  );
}
