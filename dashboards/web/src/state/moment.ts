// Time that has passed since a moment, the time this machine slept included.

export interface Moment {
  steady: number;
  wall: number;
}

export const moment = (): Moment => ({ steady: performance.now(), wall: Date.now() });

/** Milliseconds since then. The steady clock may stand while the machine sleeps, the wall clock may be set back: the longer counts. */
export const since = (then: Moment): number => Math.max(performance.now() - then.steady, Date.now() - then.wall);
