// Three questions: what, how, and does it arrive.
import { useEffect, useState } from "preact/hooks";
import { Broken } from "../parts/broken";
import { Choice, Field, Form } from "../parts/form";
import { get, type Priority, send } from "../state/api";
import { line, tags } from "../state/live";
import { route, to } from "../state/route";
import { refused } from "../state/session";
import { percent } from "../text/format";
import { type Key, LANGUAGES, language, message, t } from "../text/language";
import { reason } from "../text/words";

interface Channel {
  name: string;
  kind: string;
  address: "mail" | "url" | "topic" | "";
}

interface Subscription {
  number: string;
  channel: string;
  address: string;
  language: string;
  assets: string[];
  kinds: string[];
  least: Priority;
  quiet_from: string;
  quiet_to: string;
  zone: string;
  digest_h: number;
  after_min: number;
  stopped: boolean;
  risks: Risk[];
}

interface Risk {
  tag: string;
  below: number | null;
  above: number | null;
  within_h: number;
  probability: number;
}

interface Sent {
  title: string;
  state: "waiting" | "sent" | "given_up" | "withdrawn";
  tries: number;
  error: string;
}

const KINDS = ["drift", "limit", "signal_lost", "frozen", "dead", "spike", "noise", "unusual", "link"];
const PRIORITIES: Priority[] = ["low", "medium", "high", "critical"];
const INPUT = { mail: "email", url: "url", topic: "text" } as const;

const list = (text: string | undefined) => (text ?? "").split(/[\s,;]+/).filter(Boolean);
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function wish(fields: Record<string, string>, kinds: string[]): object {
  const assets = list(fields["assets"]);
  return {
    channel: fields["channel"],
    address: fields["address"] ?? "",
    language: fields["language"],
    assets: assets.length ? assets : ["*"],
    kinds: kinds.length ? kinds : ["*"],
    least: fields["least"],
    quiet_from: fields["quiet_from"] ?? "",
    quiet_to: fields["quiet_to"] ?? "",
    zone: zone(),
    digest_h: Number(fields["digest_h"] || 0),
    after_min: Number(fields["after_min"] || 0),
    risks: fields["risk_tag"] ? [risk(fields)] : [],
  };
}

function risk(fields: Record<string, string>): Risk {
  const bound = Number((fields["risk_bound"] ?? "").replace(",", "."));
  return {
    tag: fields["risk_tag"] ?? "",
    below: fields["risk_side"] === "below" ? bound : null,
    above: fields["risk_side"] === "above" ? bound : null,
    within_h: Number(fields["risk_h"]),
    probability: Number(fields["risk_percent"]) / 100,
  };
}

function Risks() {
  const [tag, setTag] = useState("");
  const online = [...tags.value.values()].filter((each) => each.kind === "online").map((each) => each.id);
  return (
    <fieldset>
      <legend>{t("risk.title")}</legend>
      <label>
        {t("risk.tag")}
        <select name="risk_tag" value={tag} onChange={(event) => setTag(event.currentTarget.value)}>
          <option value="">--</option>
          {online.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      {tag ? (
        <>
          <Choice label={t("risk.side")} name="risk_side" options={[["below", t("risk.below")], ["above", t("risk.above")]]} />
          <Field label={t("risk.bound")} name="risk_bound" required inputMode="decimal" pattern="-?[0-9]+([.,][0-9]+)?" />
          <Field label={t("risk.hours")} name="risk_h" type="number" min="0.25" max="72" step="any" value="4" required />
          <Field label={t("risk.percent")} name="risk_percent" type="number" min="1" max="99" value="10" required />
        </>
      ) : null}
    </fieldset>
  );
}

/** A time of day as 22:00: what a browser offers for times follows its own language, often with am and pm. */
const CLOCK = { pattern: "([01][0-9]|2[0-3]):[0-5][0-9]", placeholder: "22:00", maxLength: 5 };

function New({ channels, done }: { channels: Channel[]; done: () => void }) {
  const [name, setName] = useState(channels[0]?.name ?? "");
  const [kinds, setKinds] = useState<string[]>([]);
  const channel = channels.find((each) => each.name === name);
  const act = async (fields: Record<string, string>): Promise<void> => {
    await send("subscriptions", wish({ ...fields, channel: name }, kinds));
    done();
  };
  const flip = (kind: string) => setKinds(kinds.includes(kind) ? kinds.filter((each) => each !== kind) : [...kinds, kind]);
  return (
    <section class="panel" aria-labelledby="new">
      <h2 id="new">{t("subs.new")}</h2>
      <Form button={t("subs.add")} act={act}>
        <fieldset>
          <legend>{t("subs.what")}</legend>
          <Field label={t("subs.assets")} name="assets" placeholder={line.value?.vessels.map((each) => each.id).slice(0, 3).join(", ") ?? ""} />
          <p class="kinds" role="group" aria-label={t("subs.kinds")}>
            {KINDS.map((kind) => (
              <label key={kind}>
                <input type="checkbox" checked={kinds.includes(kind)} onChange={() => flip(kind)} /> {message(`kind.${kind}`) ?? kind}
              </label>
            ))}
          </p>
          <Choice label={t("subs.least")} name="least" options={PRIORITIES.map((each) => [each, t(`priority.${each}`)])} value="medium" />
        </fieldset>
        <Risks />
        <fieldset>
          <legend>{t("subs.how")}</legend>
          <label>
            {t("subs.channel")}
            <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
              {channels.map((each) => (
                <option key={each.name} value={each.name}>
                  {each.name}
                </option>
              ))}
            </select>
          </label>
          {channel?.address ? (
            <Field label={t(`subs.${channel.address}`)} name="address" type={INPUT[channel.address]} required={channel.address !== "topic"} maxLength={500} />
          ) : null}
          <Choice label={t("nav.language")} name="language" options={LANGUAGES.map((each) => [each, each.toUpperCase()])} value={language.value} />
          <Field label={t("subs.quiet.from")} name="quiet_from" {...CLOCK} />
          <Field label={t("subs.quiet.to")} name="quiet_to" {...CLOCK} />
          <Field label={t("subs.digest")} name="digest_h" type="number" min="0" max="168" step="any" value="0" />
          <Field label={t("subs.after")} name="after_min" type="number" min="0" max="1440" value="0" />
        </fieldset>
      </Form>
      <p class="quiet">{t("subs.help", { zone: zone() })}</p>
    </section>
  );
}

function One({ of, done }: { of: Subscription; done: () => void }) {
  const [sent, setSent] = useState<Sent[]>([]);
  const [problem, setProblem] = useState<Error | null>(null);
  const at = `subscriptions/${of.number}`;
  const look = () => get<Sent[]>(`${at}/sent`).then(setSent).catch(refused);
  const press = (act: Promise<unknown>) => {
    setProblem(null);
    act
      .then(done)
      .catch((error: Error) => {
        refused(error);
        setProblem(error);
      })
      .finally(() => void look());
  };
  useEffect(() => {
    void look();
    const timer = setInterval(() => void look(), 3000);
    return () => clearInterval(timer);
  }, []);
  const { number: _, ...rest } = of;
  const facts: [Key, string][] = [
    ["subs.assets", of.assets.join(", ")],
    ["subs.kinds", of.kinds.map((each) => message(`kind.${each}`) ?? each).join(", ")],
    ["subs.least", t(`priority.${of.least}`)],
    ["subs.quiet", of.quiet_from ? `${of.quiet_from} – ${of.quiet_to} (${of.zone})` : ""],
    ["subs.digest", of.digest_h ? String(of.digest_h) : ""],
    ...of.risks.map((each): [Key, string] => [
      "risk.title",
      `${each.tag} ${each.below === null ? `> ${each.above}` : `< ${each.below}`}, ${each.within_h} h, ${percent(each.probability)}`,
    ]),
    ["subs.after", of.after_min ? String(of.after_min) : ""],
  ];
  return (
    <article class={`panel subscription${of.stopped ? " stopped" : ""}`}>
      <h3>
        {of.channel} {of.address} <small>{of.language.toUpperCase()}</small> {of.stopped ? <b>{t("subs.stopped")}</b> : null}
      </h3>
      <dl>
        {facts
          .filter(([, text]) => text)
          .map(([name, text]) => (
            <div key={name}>
              <dt>{t(name)}</dt>
              <dd>{text}</dd>
            </div>
          ))}
      </dl>
      <p class="actions">
        <button onClick={() => press(send(`${at}/test`))}>{t("subs.test")}</button>
        <button onClick={() => press(send(at, { ...rest, stopped: !of.stopped }, "PUT"))}>{t(of.stopped ? "subs.go" : "subs.stop")}</button>
        <button onClick={() => press(send(at, {}, "DELETE"))}>{t("subs.drop")}</button>
      </p>
      <Broken text={problem ? reason(problem) : ""} block />
      <ul class="sent" aria-live="polite">
        {sent.map((each, i) => (
          <li key={i}>
            {each.title} <b>{t(`sent.${each.state}`)}</b>
            {each.error ? <small lang="en"> {each.error}</small> : null}
          </li>
        ))}
      </ul>
    </article>
  );
}

function Feeds() {
  const [key, setKey] = useState("");
  const make = () => void send<{ key: string }>("feed-key").then((made) => setKey(made.key)).catch(refused);
  const at = (name: string) => `${location.origin}${location.pathname}api/v1/${name}?language=${language.value}&key=${key}`;
  return (
    <section class="panel" aria-labelledby="feeds">
      <h2 id="feeds">{t("feeds.title")}</h2>
      <p class="quiet">{t("feeds.help")}</p>
      {key ? (
        <p class="once" role="status">
          {t("feeds.atom")} <code tabIndex={0}>{at("feed.atom")}</code> {t("feeds.ics")} <code tabIndex={0}>{at("feed.ics")}</code>
        </p>
      ) : (
        <button onClick={make}>{t("feeds.make")}</button>
      )}
    </section>
  );
}

export function SubscriptionsPage() {
  const [found, setFound] = useState<{ channels: Channel[]; subscriptions: Subscription[] } | null>(null);
  const read = () => void get<{ channels: Channel[]; subscriptions: Subscription[] }>("subscriptions").then(setFound).catch(refused);
  useEffect(read, []);
  if (!found) return null;
  return (
    <div class="subscriptions-page">
      {found.channels.length ? <New channels={found.channels} done={read} /> : <p class="empty">{t("subs.nochannel")}</p>}
      <div class="cards">
        {found.subscriptions.length ? null : <p class="quiet panel">{t("subs.none")}</p>}
        {found.subscriptions.map((each) => (
          <One key={each.number} of={each} done={read} />
        ))}
        <Feeds />
      </div>
    </div>
  );
}

/** One tap on the link of a notice, and one on the button, without signing in. */
export function StopPage() {
  const [stopped, setStopped] = useState<boolean | null>(null);
  const { query } = route.value;
  const stop = () => {
    const body = { number: query.get("number") ?? "-", secret: query.get("secret") ?? "-" };
    send<{ stopped: boolean }>("stop", body)
      .then((answer) => setStopped(answer.stopped))
      .catch(() => setStopped(false));
  };
  return (
    <section class="narrow panel">
      <h2>{t("stop.title")}</h2>
      {stopped === null ? <button onClick={stop}>{t("subs.stop")}</button> : <p role="status">{t(stopped ? "stop.done" : "stop.failed")}</p>}
      <a href={to("subscriptions")}>{t("nav.subscriptions")}</a>
    </section>
  );
}
