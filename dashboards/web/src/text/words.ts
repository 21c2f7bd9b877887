// Events and alarms put into the reader's words by the service's catalogue.
import type { Cause, Happening } from "../state/api";
import { digitsFor, nameOf, number, percent, withUnit } from "./format";
import { message, t } from "./language";

const plain = (code: string) => code.replaceAll("_", " ");

function parts(event: Happening): Record<string, string | number> {
  return {
    ...event.detail,
    asset: event.asset,
    tag: event.tag ?? event.asset,
    name: event.tag ? nameOf(event.tag) : event.asset,
  };
}

export function causeName(cause: Cause, event: Happening): string {
  return message(`cause.${cause.code}.name`, parts(event)) ?? plain(cause.code);
}

export function kindName(event: Happening): string {
  return message(`kind.${event.kind}`, parts(event)) ?? plain(event.kind);
}

/** What happened, in one line. */
export function title(event: Happening): string {
  const cause = event.causes[0];
  if (cause) return causeName(cause, event);
  return event.tag ? `${kindName(event)} · ${nameOf(event.tag)}` : kindName(event);
}

export function verdictName(verdict: string): string {
  return message(`verdict.${verdict}`) ?? plain(verdict);
}

/** A text about the leading cause: its cause, consequence or action. */
export function about(event: Happening, part: "cause" | "consequence" | "action"): string | undefined {
  const cause = event.causes[0];
  return cause && message(`cause.${cause.code}.${part}`, parts(event));
}

export function evidence(event: Happening): string[] {
  return event.evidence.map((code) => message(`evidence.${code}`, parts(event)) ?? plain(code));
}

/** How large, with its unit and sign. */
export function size(event: Happening): string | undefined {
  if (event.size === null) return undefined;
  return withUnit(number(event.size, digitsFor(Math.abs(event.size) / 10), true), event.unit);
}

export function rate(event: Happening): string | undefined {
  const value = event.detail["rate_per_h"];
  if (typeof value !== "number") return undefined;
  return t("card.rate", { rate: withUnit(number(value, digitsFor(Math.abs(value) / 10), true), event.unit) });
}

/** The other possible causes, most probable first, down to one per cent. */
export function others(event: Happening): string {
  return event.causes
    .slice(1)
    .filter((cause) => cause.probability >= 0.005)
    .map((cause) => `${causeName(cause, event)} ${percent(cause.probability)}`)
    .join(", ");
}
