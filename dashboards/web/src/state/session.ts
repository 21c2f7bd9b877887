// Who looks at this page, and what they may do.
import { computed, signal } from "@preact/signals";
import { get, send, type Session, Stranger } from "./api";

export const session = signal<Session | null>(null);

/** True when somebody must sign in before anything is shown. */
export const stranger = computed(() => session.value !== null && session.value.name === null);

export const may = (permission: string) => session.value?.permissions.includes(permission) ?? false;

export async function askWho(): Promise<Session> {
  const known = await get<Session>("session");
  const before = session.peek();
  if (JSON.stringify(before) !== JSON.stringify(known)) session.value = known;
  return known;
}

/** Something was refused: perhaps the session is over. */
export function refused(error: unknown): void {
  if (error instanceof Stranger) void askWho().catch(() => undefined);
}

export async function signIn(name: string, password: string): Promise<void> {
  session.value = await send<Session>("session", { name, password });
}

export async function accept(invitation: string, name: string, password: string): Promise<void> {
  session.value = await send<Session>("invitation/accept", { invitation, name, password });
}

export async function signOut(): Promise<void> {
  await send<Session>("session", {}, "DELETE");
  location.reload();
}
