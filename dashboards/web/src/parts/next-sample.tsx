// One line: which sample would take most of the twin's doubt away.
import { useEffect, useState } from "preact/hooks";
import { get, type Vessel } from "../state/api";
import { twinOf } from "../state/twins";
import { nameOf, number, percent } from "../text/format";
import { t } from "../text/language";

interface NextSample {
  tag: string;
  in_h: number;
  worth: number;
  doubts: { name: string; share: number }[];
}

/** Doubt that is worth a person's way to the vessel. */
const LEAST = 0.05;

/** Asked anew whenever the twin has looked at itself, about once an hour of the line. */
export function NextSampleLine({ vessel }: { vessel: Vessel }) {
  const [best, setBest] = useState<NextSample>();
  const looked = twinOf(vessel.id)?.t;
  useEffect(() => {
    let gone = false;
    const told = (rows: NextSample[]) => (gone ? undefined : setBest(rows[0]));
    if (looked) void get<NextSample[]>("next-sample", { asset: vessel.id }).then(told, () => told([]));
    return () => {
      gone = true;
    };
  }, [vessel.id, looked]);
  const most = best?.doubts[0];
  if (!best || !most || most.share < LEAST) return null;
  const facts = { assay: nameOf(best.tag), hours: number(best.in_h, 0), share: percent(most.share), about: nameOf(most.name) };
  return (
    <p class="quiet" data-next-sample={best.tag}>
      {t("sample.next", facts)}
    </p>
  );
}
