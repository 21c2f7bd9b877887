// New alarms are spoken by screen readers, at most one sentence every five seconds.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Alarm } from "../state/api";
import { calling } from "../state/live";
import { byUrgency } from "../state/urgency";
import { t } from "../text/language";
import { subject, title } from "../text/words";

const PAUSE_MS = 5000;

function sentence(alarm: Alarm): string {
  const priority = t(`priority.${alarm.priority}`);
  return t("alarms.new", { priority, what: title(alarm.event), asset: subject(alarm.event) });
}

export function Announcer() {
  const known = useRef<Set<string> | null>(null);
  const spoken = useRef(0);
  const [said, say] = useState("");
  const standing = calling.value;
  useEffect(() => {
    const unacked = standing.filter((each) => each.state === "unack");
    const fresh = byUrgency(unacked).find((each) => known.current && !known.current.has(each.id));
    known.current = new Set(unacked.map((each) => each.id));
    if (!fresh) return;
    const wait = Math.max(0, spoken.current + PAUSE_MS - Date.now());
    spoken.current = Date.now() + wait;
    const timer = setTimeout(() => say(sentence(fresh)), wait);
    return () => clearTimeout(timer);
  }, [standing]);
  return (
    <div class="unseen" aria-live="assertive" role="log">
      {said}
    </div>
  );
}
