// A person says that the batch of a unit has ended: where the plant tells no phase, nobody else can.
import { useState } from "preact/hooks";
import { send } from "../state/api";
import type { StoredBatch } from "../state/batches";
import { now } from "../state/clock";
import { line, readLine, vessel } from "../state/live";
import { may } from "../state/session";
import { stamp } from "../text/format";
import { t } from "../text/language";
import { Field, Form } from "./form";

const MINUTE = 60_000;

export function EndBatch({ asset }: { asset: string }) {
  const [open, setOpen] = useState(false);
  const [ended, setEnded] = useState("");
  if (!may("operate") || line.value?.origin === "replay") return null;
  const over = vessel(asset)?.batch?.ended;
  if (ended) return <span role="status">{t("ended.said", { time: stamp(Date.parse(ended)) })}</span>;
  if (over) return null;
  const act = async ({ why = "", ago = "0" }: Record<string, string>): Promise<void> => {
    const at = Number(ago.replace(",", ".")) > 0 ? { at: new Date(now.peek() - Number(ago.replace(",", ".")) * MINUTE).toISOString() } : {};
    const found = await send<StoredBatch>(`batches/${encodeURIComponent(asset)}/end`, { why, ...at });
    setEnded(found.end);
    await readLine();
  };
  return (
    <span class="end-batch">
      <button aria-expanded={open} onClick={() => setOpen(!open)}>
        {t("ended.open")}
      </button>
      {open ? (
        <Form button={t("ended.say")} act={act}>
          <Field label={t("ended.ago")} name="ago" inputMode="decimal" pattern="[0-9]+([.,][0-9]+)?" defaultValue="0" required />
          <Field label={t("act.why")} name="why" required maxLength={500} />
        </Form>
      ) : null}
    </span>
  );
}
