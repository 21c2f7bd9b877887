// What a person can do about an alarm: one button each, and a form where more is to be said.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Broken } from "./broken";
import { type Alarm, moveAlarm, send } from "../state/api";
import { tags, take } from "../state/live";
import { playback } from "../state/playback";
import { may, refused } from "../state/session";
import { unit } from "../text/format";
import { type Key, t } from "../text/language";
import { reason } from "../text/words";
import { Choice, Field, Form } from "./form";
import { unseen } from "./mark";

const HOURS = [1, 2, 4, 8, 12];

const hours = (): [string, string][] => HOURS.map((each) => [String(each), `${each}\u202fh`]);

/** The tag whose instrument an alarm is about. */
const instrument = (alarm: Alarm) => alarm.event.tag ?? alarm.event.causes[0]?.tag ?? null;

interface Deed {
  name: Key;
  permission: string;
  fits: (alarm: Alarm) => boolean;
  act: (alarm: Alarm, fields: Record<string, string>) => Promise<void>;
  fields?: (alarm: Alarm) => preact.ComponentChildren;
}

const move = (what: string) => async (alarm: Alarm, fields: Record<string, string>) => {
  const body = fields["hours"] ? { why: fields["why"] ?? "", hours: Number(fields["hours"]) } : { why: fields["why"] ?? "" };
  take(await moveAlarm(alarm.id, what, body));
};

const remark = (what: string) => async (alarm: Alarm, fields: Record<string, string>) => {
  await send(`alarms/${encodeURIComponent(alarm.id)}/${what}`, { text: fields["text"] ?? "" });
};

const Why = () => <Field label={t("act.why")} name="why" required maxLength={500} />;
const Text = () => <Field label={t("act.text")} name="text" required maxLength={2000} />;

/** Where a reference value for this alarm's tag goes, if the unit has such a tag. */
function laboratory(alarm: Alarm): string | undefined {
  const name = instrument(alarm);
  if (!name) return undefined;
  return tags.value.get(name)?.kind === "assay" ? name : tags.value.has(`${name}_lab`) ? `${name}_lab` : undefined;
}

const DEEDS: Deed[] = [
  { name: "act.acknowledge", permission: "operate", fits: unseen, act: move("acknowledge") },
  { name: "act.reset", permission: "operate", fits: (each) => each.state.startsWith("latched"), act: move("reset") },
  { name: "act.unshelve", permission: "operate", fits: (each) => each.state === "shelved", act: move("unshelve") },
  {
    name: "act.shelve",
    permission: "operate",
    fits: (each) => ["unack", "acked", "rtn_unack", "shelved"].includes(each.state),
    act: move("shelve"),
    fields: () => (
      <>
        <Choice label={t("act.hours")} name="hours" options={hours()} value="1" />
        <Why />
      </>
    ),
  },
  { name: "act.comment", permission: "operate", fits: () => true, act: remark("comment"), fields: Text },
  {
    name: "act.reference",
    permission: "operate",
    fits: (each) => laboratory(each) !== undefined,
    act: async (alarm, fields) => {
      await send(`tags/${instrument(alarm)}/reference`, { value: Number((fields["value"] ?? "").replace(",", ".")), why: fields["why"] ?? "" });
    },
    fields: (alarm) => (
      <>
        <Field
          label={`${t("act.value")} ${unit(tags.value.get(laboratory(alarm) ?? "")?.unit ?? "")}`}
          name="value"
          required
          inputMode="decimal"
          pattern="-?[0-9]+([.,][0-9]+)?"
        />
        <Field label={t("act.why.optional")} name="why" maxLength={500} />
      </>
    ),
  },
  {
    name: "act.calibrated",
    permission: "operate",
    fits: (each) => each.event.verdict === "sensor" && instrument(each) !== null,
    act: async (alarm, fields) => {
      await send(`tags/${instrument(alarm)}/calibrated`, { why: fields["why"] ?? "" });
    },
    fields: () => <Field label={t("act.why.optional")} name="why" maxLength={500} />,
  },
  { name: "act.not-so", permission: "operate", fits: (each) => each.event.kind !== "limit", act: remark("not-so"), fields: Text },
  { name: "act.remove", permission: "engineer", fits: (each) => each.state !== "out_of_service", act: move("remove"), fields: Why },
  { name: "act.return", permission: "engineer", fits: (each) => each.state === "out_of_service", act: move("return") },
];

/** Where what was pressed is gone, the keyboard goes on at its card, or at the page where the card went too. */
function goOn(from: HTMLElement | null): void {
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const card = from?.isConnected ? from.closest("article") : null;
    (card ?? document.getElementById("content"))?.focus();
  });
}

export function Actions({ alarm }: { alarm: Alarm }) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<Key | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  // in a replay nothing is moved
  const offered = playback.value ? [] : DEEDS.filter((each) => may(each.permission) && each.fits(alarm));
  const shown = offered.find((each) => each.name === open);
  const at = async (deed: Deed, fields: Record<string, string>): Promise<void> => {
    const here = box.current;
    await deed.act(alarm, fields);
    setOpen(null);
    goOn(here);
  };
  useLayoutEffect(() => {
    if (open) box.current?.querySelector<HTMLElement>("form input, form select")?.focus();
  }, [open]);
  const leave = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    box.current?.querySelector<HTMLElement>("[aria-expanded=true]")?.focus();
    setOpen(null);
  };
  const press = (deed: Deed) => {
    setProblem(null);
    if (deed.fields) return setOpen(open === deed.name ? null : deed.name);
    setBusy(true);
    at(deed, {})
      .catch((error: Error) => {
        refused(error);
        setProblem(error);
      })
      .finally(() => setBusy(false));
  };
  return (
    <div class="deeds" ref={box} onKeyDown={leave}>
      <p class="actions">
        {offered.map((each) => (
          <button
            key={each.name}
            disabled={busy}
            onClick={() => press(each)}
            {...(each.fields ? { "aria-expanded": open === each.name } : { class: "first" })}
          >
            {t(each.name)}
            {each.fields ? "…" : ""}
          </button>
        ))}
      </p>
      <Broken text={problem ? t("act.failed", { reason: reason(problem) }) : ""} block />
      {shown?.fields ? (
        <Form key={shown.name} button={t(shown.name)} act={(fields) => at(shown, fields)}>
          {shown.fields(alarm)}
        </Form>
      ) : null}
    </div>
  );
}
