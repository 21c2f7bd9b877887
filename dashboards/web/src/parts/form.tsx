// A form that says what went wrong beside its button.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Broken } from "./broken";
import { refused } from "../state/session";
import { reason } from "../text/words";

interface Props {
  act: (fields: Record<string, string>) => Promise<void>;
  button: string;
  children: ComponentChildren;
}

export function Form({ act, button, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    setBusy(true);
    setProblem(null);
    act(fields)
      .then(() => form.reset())
      .catch((error: Error) => {
        refused(error);
        setProblem(error);
      })
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit}>
      {children}
      <p class="actions">
        <button type="submit" disabled={busy}>
          {button}
        </button>
        <Broken text={problem ? reason(problem) : ""} />
      </p>
    </form>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type?: string;
  [attribute: string]: unknown;
}

export function Field({ label, ...rest }: FieldProps) {
  return (
    <label>
      {label}
      <input {...(rest as object)} />
    </label>
  );
}

export function Choice({ label, name, options, value }: { label: string; name: string; options: [string, string][]; value?: string }) {
  // what was chosen is kept here: a page that is drawn again would put the first value back
  const [chosen, choose] = useState(value ?? options[0]?.[0] ?? "");
  return (
    <label>
      {label}
      <select name={name} value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
