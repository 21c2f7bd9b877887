// The audit trail, newest first.
import { useEffect, useState } from "preact/hooks";
import { type Entry, get } from "../state/api";
import { refused } from "../state/session";
import { number, stamp } from "../text/format";
import { maybe, t } from "../text/language";

const PAGE = 100;

/** A role or a state in the reader's words; all else as it is. */
const word = (text: string) => (text ? maybe(`role.${text}`, maybe(`state.${text}`, text)) : "--");

function Row({ entry }: { entry: Entry }) {
  return (
    <tr>
      <td class="amount" data-label={t("trail.number")}>{number(entry.number, 0)}</td>
      <td data-label={t("trail.when")}>
        <time dateTime={entry.t}>{stamp(Date.parse(entry.t))}</time>
      </td>
      <th>
        {entry.who} <small>{maybe(`role.${entry.role}`, entry.role)}</small>
      </th>
      <td data-label={t("trail.what")}>{maybe(`deed.${entry.action}`, entry.action)}</td>
      <td data-label={t("trail.subject")}>{entry.subject}</td>
      <td data-label={t("trail.change")}>{[entry.old, entry.new].some(Boolean) ? `${word(entry.old)} → ${word(entry.new)}` : ""}</td>
      <td data-label={t("trail.why")}>{entry.why}</td>
      <td data-label={t("trail.where")}>
        <small>{entry.origin}</small>
      </td>
    </tr>
  );
}

export function TrailPage() {
  const [rows, setRows] = useState<Entry[]>([]);
  const [length, setLength] = useState(0);
  const read = (before?: number) =>
    void get<{ length: number; entries: Entry[] }>("trail", { limit: String(PAGE), ...(before ? { before: String(before) } : {}) })
      .then((page) => {
        setLength(page.length);
        setRows(before ? [...rows, ...page.entries] : page.entries);
      })
      .catch(refused);
  useEffect(() => read(), []);
  const oldest = rows.at(-1)?.number ?? 1;
  const heads = ["number", "when", "who", "what", "subject", "change", "why", "where"] as const;
  return (
    <section class="trail-page panel" aria-labelledby="trail">
      <h2 id="trail">{t("trail.title")}</h2>
      <p class="quiet">{t("trail.help", { count: number(length, 0) })}</p>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="trail">
        <table class="stacks">
          <thead>
            <tr>
              {heads.map((each) => (
                <th key={each} scope="col">
                  {t(`trail.${each}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((each) => (
              <Row key={each.number} entry={each} />
            ))}
          </tbody>
        </table>
      </div>
      {oldest > 1 ? <button onClick={() => read(oldest)}>{t("trail.older")}</button> : null}
    </section>
  );
}
