/** In ms since the epoch. */
export interface Bounds {
  readonly start: number
  readonly end: number
}

/** The order in which windows close. */
export const closesBefore = (a: Bounds, b: Bounds): boolean => a.end < b.end || (a.end === b.end && a.start < b.start)
