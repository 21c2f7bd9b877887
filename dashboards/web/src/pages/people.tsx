// Administrators let people and programs in, and out.
import { useEffect, useState } from "preact/hooks";
import { Choice, Field, Form } from "../parts/form";
import { get, type Person, type Program, ROLES, type Role, send } from "../state/api";
import { refused } from "../state/session";
import { stamp } from "../text/format";
import { t } from "../text/language";
import { reason } from "../text/words";

const roles = (): [string, string][] => ROLES.map((each) => [each, t(`role.${each}`)]);

/** A secret that is shown this once. */
function Once({ title, text }: { title: string; text: string }) {
  return (
    <p class="once panel" role="status">
      {title} <code tabIndex={0}>{text}</code>
    </p>
  );
}

const link = (invitation: string) => `${location.origin}${location.pathname}#/welcome?invitation=${invitation}`;

function Row({ person, change, invite }: { person: Person; change: (role: Role, barred: boolean) => void; invite: () => void }) {
  const choose = (event: Event) => change((event.currentTarget as HTMLSelectElement).value as Role, person.barred);
  return (
    <tr class={person.barred ? "barred" : ""}>
      <th>
        {person.full_name} <small>{person.name}</small>
      </th>
      <td data-label={t("people.role")}>
        <select value={person.role} onChange={choose} aria-label={`${t("people.role")}, ${person.name}`}>
          {roles().map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      </td>
      <td data-label={t("people.access")}>{t(person.barred ? "people.barred" : person.joined ? "people.joined" : "people.waits")}</td>
      <td class="actions">
        <button onClick={invite}>{t("people.again")}</button>
        <button onClick={() => change(person.role, !person.barred)}>{t(person.barred ? "people.unbar" : "people.bar")}</button>
      </td>
    </tr>
  );
}

function Accounts() {
  const [rows, setRows] = useState<Person[]>([]);
  const [secret, setSecret] = useState("");
  const [problem, setProblem] = useState<Error | null>(null);
  const failed = (error: Error) => {
    refused(error);
    setProblem(error);
  };
  const read = () => get<Person[]>("people").then(setRows).catch(failed);
  useEffect(() => void read(), []);
  const invite = async (fields: Record<string, string>): Promise<void> => {
    const { invitation } = await send<{ invitation: string }>("people", fields);
    setSecret(link(invitation));
    await read();
  };
  const change = (person: Person) => (role: Role, barred: boolean) => {
    setProblem(null);
    send<Person>(`people/${person.name}`, { role, barred }, "PUT").catch(failed).then(read);
  };
  const again = ({ name, full_name, role, language }: Person) => () => {
    invite({ name, full_name, role, language }).catch(failed);
  };
  return (
    <section class="panel" aria-labelledby="accounts">
      <h2 id="accounts">{t("people.title")}</h2>
      {problem ? <p class="broken">{reason(problem)}</p> : null}
      <div class="scroll">
        <table class="stacks">
          <tbody>
            {rows.map((each) => (
              <Row key={each.name} person={each} change={change(each)} invite={again(each)} />
            ))}
          </tbody>
        </table>
      </div>
      {secret ? <Once title={t("people.link")} text={secret} /> : null}
      <h3>{t("people.invite")}</h3>
      <Form button={t("people.invite")} act={invite}>
        <Field label={t("sign.name")} name="name" required minLength={2} maxLength={32} />
        <Field label={t("people.full")} name="full_name" required maxLength={80} />
        <Choice label={t("people.role")} name="role" options={roles()} value="operator" />
        <Choice label={t("nav.language")} name="language" options={[["en", "English"], ["fr", "Français"]]} />
      </Form>
    </section>
  );
}

function Programs() {
  const [rows, setRows] = useState<Program[]>([]);
  const [secret, setSecret] = useState("");
  const read = () => get<Program[]>("programs").then(setRows).catch(refused);
  useEffect(() => void read(), []);
  const admit = async ({ name = "", role = "viewer", days = "365" }): Promise<void> => {
    const { token } = await send<{ token: string }>("programs", { name, role, days: Number(days) });
    setSecret(token);
    await read();
  };
  const dismiss = (name: string) => void send(`programs/${name}`, {}, "DELETE").catch(refused).then(read);
  return (
    <section class="panel" aria-labelledby="programs">
      <h2 id="programs">{t("programs.title")}</h2>
      {rows.length ? null : <p class="quiet">{t("programs.none")}</p>}
      <div class="scroll">
        <table class="stacks">
          <tbody>
            {rows.map((each) => (
              <tr key={each.name}>
                <th>{each.name}</th>
                <td data-label={t("people.role")}>{t(`role.${each.role}`)}</td>
                <td data-label={t("people.access")}>{t("programs.until", { time: stamp(Date.parse(each.until)), by: each.by })}</td>
                <td class="actions">
                  <button onClick={() => dismiss(each.name)}>{t("programs.dismiss")}</button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {secret ? <Once title={t("programs.token")} text={secret} /> : null}
      <h3>{t("programs.admit")}</h3>
      <Form button={t("programs.admit")} act={admit}>
        <Field label={t("sign.name")} name="name" required minLength={2} maxLength={32} />
        <Choice label={t("people.role")} name="role" options={roles()} value="viewer" />
        <Field label={t("programs.days")} name="days" type="number" min="1" max="3650" value="365" required />
      </Form>
    </section>
  );
}

export function PeoplePage() {
  return (
    <div class="people-page">
      <Accounts />
      <Programs />
    </div>
  );
}
