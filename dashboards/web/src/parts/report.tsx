// What is made of a batch from the line's stores, by a button: its report, its values; saved as a file.
import { useState } from "preact/hooks";
import { Broken } from "./broken";
import { getFile } from "../state/api";
import { playback } from "../state/playback";
import { refused } from "../state/session";
import { type Key, language, t } from "../text/language";
import { reason } from "../text/words";

type Sort = "report" | "export";
const QUERY: Record<Sort, () => Record<string, string>> = {
  report: () => ({ language: language.value, form: "pdf" }),
  export: () => ({}),
};

export function Papers({ asset }: { asset: string }) {
  const [busy, setBusy] = useState<Sort | null>(null);
  const [problem, setProblem] = useState("");
  if (playback.value && !playback.value.kept) return null;
  const make = (sort: Sort) => {
    setBusy(sort);
    setProblem("");
    getFile(sort, { asset, ...QUERY[sort]() })
      .catch((error: Error) => {
        refused(error);
        setProblem(reason(error));
      })
      .finally(() => setBusy(null));
  };
  return (
    <span class="report">
      {(["report", "export"] as const).map((each) => (
        <button key={each} onClick={() => make(each)} disabled={busy !== null} aria-busy={busy === each}>
          {t(`${each}.${busy === each ? "busy" : "make"}` as Key)}
        </button>
      ))}
      <Broken text={problem} />
    </span>
  );
}
