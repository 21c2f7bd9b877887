// A trend without axes: the shape of the last hours beside a number.
import { useEffect, useRef } from "preact/hooks";
import { now } from "../state/clock";
import { alarms, snapshots, tags } from "../state/live";
import { epoch } from "../state/playback";
import { nameOf } from "../text/format";
import { t } from "../text/language";
import { Chart } from "./chart";
import { faults, hueOf, related } from "./related";

const nothing = () => undefined;

export function Spark({ name, window }: { name: string; window: () => [number, number] }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  useEffect(() => {
    if (!box.current) return;
    const tag = tags.value.get(name);
    const look = {
      hue: `--${hueOf(name)}`,
      tag,
      labAccuracy: tag?.accuracy ?? 0,
      axes: false,
      xAxis: false,
      format: () => "",
      readout: nothing,
      choose: nothing,
      faults: () => faults(name),
    };
    const fresh = new Chart(box.current, window, tag, related(name), look, nothing);
    fresh.read();
    chart.current = fresh;
    return () => fresh.close();
  }, [name]);
  useEffect(() => {
    if (!document.hidden) chart.current?.follow();
  }, [now.value, alarms.value]);
  useEffect(() => chart.current?.read(), [epoch.value, snapshots.value]);
  return <div class="spark" ref={box} role="img" aria-label={t("trend.label", { name: nameOf(name) })} />;
}
