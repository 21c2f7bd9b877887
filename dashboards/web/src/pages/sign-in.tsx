// Who are you: by name and password, or by an invitation that lets one choose them.
import { useEffect, useState } from "preact/hooks";
import { Field, Form } from "../parts/form";
import { type Person, send, Stranger, TooMany } from "../state/api";
import { route, to } from "../state/route";
import { accept, session, signIn } from "../state/session";
import { t } from "../text/language";

/** The way by the identity provider, and why it did not lead in. */
function Single() {
  const name = session.value?.provider;
  const problem = route.value.query.get("problem");
  if (!name) return null;
  return (
    <>
      {problem ? <p role="alert">{t(problem === "provider" ? "sign.provider" : "sign.refused")}</p> : null}
      <p>
        <a class="button" href="api/v1/oidc/start">
          {t("sign.with", { name })}
        </a>
      </p>
      <p class="quiet">{t("sign.or")}</p>
    </>
  );
}

/** Sign in; a refusal is told in the reader's language. */
async function enter({ name = "", password = "" }: Record<string, string>): Promise<void> {
  try {
    await signIn(name, password);
  } catch (error) {
    if (error instanceof TooMany) throw new TooMany(t("sign.tries"));
    throw error instanceof Stranger ? new Stranger(t("sign.wrong")) : error;
  }
}

export function SignIn() {
  return (
    <section class="narrow panel">
      <h2>{t("sign.title")}</h2>
      <Single />
      {session.value?.unclaimed ? <p>{t("sign.unclaimed")}</p> : null}
      <Form button={t("sign.in")} act={enter}>
        <Field label={t("sign.name")} name="name" autocomplete="username" required maxLength={80} autofocus />
        <Field label={t("sign.password")} name="password" type="password" autocomplete="current-password" required maxLength={1000} />
      </Form>
      <p class="quiet">{t("sign.help")}</p>
    </section>
  );
}

function Choose({ invitation, person }: { invitation: string; person: Person }) {
  const act = async ({ name = "", password = "", again = "" }) => {
    if (password !== again) throw new Error(t("welcome.differ"));
    await accept(invitation, name, password);
    location.hash = to("");
  };
  return (
    <Form button={t("welcome.join")} act={act}>
      {person.name ? (
        <p>
          <b>{person.full_name}</b> ({person.name}), {t(`role.${person.role}`)}
          <input type="hidden" name="username" autocomplete="username" value={person.name} />
        </p>
      ) : (
        <Field label={t("sign.name")} name="name" autocomplete="username" required maxLength={32} pattern="[A-Za-z0-9][A-Za-z0-9._\-]+" />
      )}
      <Field label={t("sign.password")} name="password" type="password" autocomplete="new-password" required minLength={12} maxLength={128} />
      <Field label={t("welcome.again")} name="again" type="password" autocomplete="new-password" required maxLength={128} />
    </Form>
  );
}

export function Welcome() {
  const invitation = route.value.query.get("invitation") ?? "";
  const [person, setPerson] = useState<Person | null | undefined>(undefined);
  useEffect(() => {
    send<Person | null>("invitation", { invitation })
      .then(setPerson)
      .catch(() => setPerson(null));
  }, [invitation]);
  return (
    <section class="narrow panel">
      <h2>{t("welcome.title")}</h2>
      {person === null ? (
        <p>
          {t("welcome.over")} <a href={to("")}>{t("sign.title")}</a>
        </p>
      ) : null}
      {person ? <Choose invitation={invitation} person={person} /> : null}
      <p class="quiet">{t("welcome.help")}</p>
    </section>
  );
}
