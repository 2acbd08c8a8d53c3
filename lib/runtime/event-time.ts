import { MillraceError } from '../core/errors.js'

/** 2001 to 2286 when they are seconds; 12 to 115 days of 1970 when they are ms, which nobody means today. */
const secondsFrom = 1e9
const secondsTo = 1e10

/** Event times are ms; those of a source that gives seconds are all in January 1970. */
export const looksLikeSeconds = (eventTime: number, now: number): boolean =>
  eventTime >= secondsFrom && eventTime < secondsTo && now > 10 * secondsTo

export const isEventTime = (eventTime: unknown, latest: number): boolean =>
  typeof eventTime === 'number' && eventTime >= 0 && eventTime <= latest

/** Of a time that `isEventTime` refuses. `isGiven`: a function of the topic has given it. */
export const eventTimeError = (eventTime: unknown, latest: number, { isGiven }: { readonly isGiven: boolean }): MillraceError =>
  new MillraceError('MR_TIMESTAMP', complaint(eventTime, latest, isGiven))

const complaint = (eventTime: unknown, latest: number, isGiven: boolean): string => {
  if (typeof eventTime !== 'number') return `the timestamp function of the topic gave ${shown(eventTime)}, not a number`
  if (eventTime > latest)
    return `event time ${eventTime} is ahead of the clock by more than maxAhead (latest ${latest})${unitOf(eventTime, latest)}`
  if (isGiven) return `the timestamp function of the topic gave ${eventTime}`
  return eventTime === -1
    ? 'the record has no timestamp (-1), and the topic has no timestamp function'
    : `the timestamp of the record is ${eventTime}`
}

const shown = (given: unknown): string =>
  typeof given === 'string' ? JSON.stringify(given) : given instanceof Date ? 'a Date' : String(given)

const unitOf = (eventTime: number, latest: number): string => {
  if (eventTime / 1e3 <= latest && eventTime / 1e3 > latest / 10) return '; it looks like microseconds'
  return eventTime / 1e6 <= latest && eventTime / 1e6 > latest / 10 ? '; it looks like nanoseconds' : ''
}
