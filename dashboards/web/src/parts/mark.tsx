// An alarm's priority by shape, letter and colour together.
import type { Alarm, Priority } from "../state/api";
import { t } from "../text/language";

const SHAPES: Record<Priority, string> = {
  critical: "M2 2H22V22H2Z",
  high: "M12 1.5 23 22H1Z",
  medium: "M12 .5 23.5 12 12 23.5 .5 12Z",
  low: "M12 1a11 11 0 1 0 0 22a11 11 0 1 0 0-22Z",
};

export function Mark({ priority, pulse = false, hollow = false }: { priority: Priority; pulse?: boolean; hollow?: boolean }) {
  return (
    <svg class={`mark ${priority}${pulse ? " pulse" : ""}${hollow ? " hollow" : ""}`} viewBox="0 0 24 24" role="img" aria-label={t(`priority.${priority}`)}>
      <path d={SHAPES[priority]} />
      <text x="12" y={priority === "high" ? 20 : 17}>
        {t(`letter.${priority}`)}
      </text>
    </svg>
  );
}

export function stateName(alarm: Alarm): string {
  return t(`state.${alarm.state}`);
}

/** Whether nobody has seen to it yet. */
export const unseen = (alarm: Alarm) => alarm.state === "unack" || alarm.state === "rtn_unack" || alarm.state === "latched_unack";
