// The batches that the line has run: one is opened as playback, while the line goes on.
import { useEffect, useState } from "preact/hooks";
import { Broken } from "../parts/broken";
import { fateText } from "../parts/banner";
import { type Batches, closeBatch, type Fate, getBatches, getFate, openBatch, placeOf, type StoredBatch } from "../state/batches";
import { to } from "../state/route";
import { refused } from "../state/session";
import { duration, stamp } from "../text/format";
import { t } from "../text/language";
import { reason } from "../text/words";

interface RowProps {
  of: StoredBatch;
  busy: boolean;
  open: () => void;
}

function Row({ of, busy, open }: RowProps) {
  const [start, end] = [Date.parse(of.start), Date.parse(of.end)];
  return (
    <tr>
      <th scope="row">
        <a href={to("unit", of.vessel)}>{of.vessel}</a>
      </th>
      <td data-label={t("batches.batch")}>
        <b>{of.batch}</b>
        {of.models.map((each) => (
          <small key={each}>{each}</small>
        ))}
      </td>
      <td data-label={t("batches.start")}>{stamp(start)}</td>
      <td data-label={t("batches.end")}>
        {of.running ? t("batches.running") : stamp(end)}
        {of.early ? <small>{t("batches.early")}</small> : null}
      </td>
      <td data-label={t("batches.length")}>{duration(end - start)}</td>
      <td>
        <button disabled={busy} onClick={open} aria-label={`${t("batches.open")}: ${of.vessel} ${of.batch}`}>
          {t("batches.open")}
        </button>
      </td>
    </tr>
  );
}

/** One is what each engineer has: nothing that is open is closed for another before that is said. */
function Instead({ mine, of, go, keep }: { mine: string; of: string; go: () => void; keep: () => void }) {
  return (
    <p class="open" role="alert">
      {t("batches.instead", { mine, next: of })} <button onClick={go}>{t("batches.instead.go", { mine, next: of })}</button>{" "}
      <button onClick={keep}>{t("batches.instead.keep")}</button>
    </p>
  );
}

const nameOf = ({ vessel, batch }: { vessel: string; batch: string }) => `${vessel} · ${batch}`;

/** `fate` is the key of a playback that was asked for and is not open any more. */
export function BatchesPage({ fate }: { fate: string }) {
  const [found, setFound] = useState<Batches | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [wanted, setWanted] = useState<StoredBatch | null>(null);
  const [ended, setEnded] = useState<Fate | null>(null);
  const failed = (error: Error) => {
    refused(error);
    setProblem(reason(error));
    setBusy(false);
  };
  const read = () => void getBatches().then(setFound).catch(failed);
  useEffect(read, []);
  useEffect(() => {
    if (fate) getFate(fate).then((found) => setEnded(found.open ? null : found), () => undefined);
  }, [fate]);
  const open = (of: StoredBatch, instead = "") => {
    setBusy(true);
    setProblem("");
    setWanted(null);
    openBatch(of, instead)
      .then((opened) => location.assign(placeOf(opened)))
      .catch(failed);
  };
  /** Look first what is open by now, perhaps from another window: it is not closed unasked. */
  const ask = async (of: StoredBatch) => {
    const fresh = await getBatches();
    setFound(fresh);
    if (fresh.open) setWanted(of);
    else open(of);
  };
  const close = (key: string) => void closeBatch(key).then(read).catch(failed);
  const mine = found?.open;
  const heads = ["vessel", "batch", "start", "end", "length"] as const;
  return (
    <section class="batches-page panel" aria-labelledby="batches">
      <h2 id="batches">{t("batches.title")}</h2>
      <p class="quiet">{t("batches.help")}</p>
      {ended ? <p role="status">{fateText(ended)}</p> : null}
      {mine && wanted ? <Instead mine={nameOf(mine)} of={nameOf(wanted)} go={() => open(wanted, mine.key)} keep={() => setWanted(null)} /> : null}
      {mine && !wanted ? (
        <p class="open">
          {t("batches.mine", { vessel: mine.vessel, batch: mine.batch })} <a href={placeOf(mine)}>{t("batches.back")}</a>{" "}
          <button onClick={() => close(mine.key)}>{t("batches.close")}</button>
        </p>
      ) : null}
      {busy ? <p role="status">{t("batches.opening")}</p> : null}
      <Broken text={problem} block />
      {found && found.batches.length === 0 ? <p class="quiet">{t("batches.none")}</p> : null}
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="batches">
        <table class="stacks">
          <thead>
            <tr>
              {heads.map((each) => (
                <th key={each} scope="col">
                  {t(`batches.${each}`)}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {found?.batches.map((each) => (
              <Row key={`${each.vessel}/${each.batch}`} of={each} busy={busy} open={() => void ask(each).catch(failed)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
