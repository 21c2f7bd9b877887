// The line's clock, as the service last told it and carried on from there.
import { signal } from "@preact/signals";
import { moment, since } from "./moment";

let told = Date.now();
let heard = moment();
let speed = 1;

export const now = signal(told);

/** Milliseconds since 1970 on the line's clock. */
function current(): number {
  return told + since(heard) * speed;
}

export function setSpeed(value: number): void {
  speed = value;
}

export function tell(iso: string): void {
  told = Date.parse(iso);
  heard = moment();
}

export function tick(): void {
  now.value = current();
}

/** Time on the way that is allowed for before a value counts as old [ms of the line's time]. */
export function allowance(): number {
  return 3000 * speed;
}
