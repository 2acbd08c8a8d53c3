/** In ms since the epoch. */
export interface Bounds {
  readonly start: number
  readonly end: number
}

/** The order in which windows close. */
export const byEnd = (a: Bounds, b: Bounds): number => a.end - b.end || a.start - b.start
