// The report of the batch so far, by a button: made from what is stored, saved as a file.
import { useState } from "preact/hooks";
import { getFile } from "../state/api";
import { playback } from "../state/playback";
import { refused } from "../state/session";
import { language, t } from "../text/language";
import { reason } from "../text/words";

export function ReportButton({ asset }: { asset: string }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  if (playback.value) return null;
  const make = () => {
    setBusy(true);
    setProblem("");
    getFile("report", { asset, language: language.value, form: "pdf" })
      .catch((error: Error) => {
        refused(error);
        setProblem(reason(error));
      })
      .finally(() => setBusy(false));
  };
  return (
    <span class="report">
      <button onClick={make} disabled={busy} aria-busy={busy}>
        {t(busy ? "report.busy" : "report.make")}
      </button>
      {problem ? (
        <span class="broken" role="alert">
          {problem}
        </span>
      ) : null}
    </span>
  );
}
