import { Temporal } from 'temporal-polyfill'
import { MillraceError, toError } from '../core/errors.js'
import type { Bounds } from './bounds.js'

/** @since 0.1.0 */
export type CalendarUnit = 'hour' | 'day' | 'week' | 'month'
/** @since 0.1.0 */
export interface CalendarOptions {
  /** IANA name, e.g. 'Europe/Berlin'. Default 'UTC'. */
  readonly zone?: string | undefined
  /** Default 'monday'. */
  readonly weekStart?: 'monday' | 'sunday' | undefined
}

const hourMs = 3_600_000
/** Of any zone: a day of 25 hours, a month of 31 days and an hour. */
const longest: Readonly<Record<CalendarUnit, number>> = {
  hour: 2 * hourMs,
  day: 26 * hourMs,
  week: 170 * hourMs,
  month: 746 * hourMs,
}

/** The window a time is in. Those of the last few are remembered: records come more or less in order. */
export const calendarBounds = (
  unit: CalendarUnit,
  { zone = 'UTC', weekStart = 'monday' }: CalendarOptions,
): { readonly boundsOf: (time: number) => Bounds; readonly longestMs: number } => {
  if (!Object.hasOwn(longest, unit)) throw new MillraceError('MR_CONFIG', `calendar: ${String(unit)} is not hour, day, week or month`)
  if (weekStart !== 'monday' && weekStart !== 'sunday')
    throw new MillraceError('MR_CONFIG', `calendar: weekStart is ${String(weekStart)}, not 'monday' or 'sunday'`)
  checkZone(zone)
  let known: readonly Bounds[] = []
  return {
    longestMs: longest[unit],
    boundsOf: (time) => {
      const found = known.find(({ start, end }) => time >= start && time < end)
      if (found) return found
      const made = startAndEnd(Temporal.Instant.fromEpochMilliseconds(Math.floor(time)).toZonedDateTimeISO(zone), unit, weekStart)
      known = [made, ...known.slice(0, 3)]
      return made
    },
  }
}

const startAndEnd = (at: Temporal.ZonedDateTime, unit: CalendarUnit, weekStart: 'monday' | 'sunday'): Bounds => {
  if (unit === 'hour') {
    // An hour that comes twice is two windows: rounding goes by the clock of the zone, the step by time that passes.
    const start = at.round({ smallestUnit: 'hour', roundingMode: 'floor' })
    return { start: start.epochMilliseconds, end: start.add({ hours: 1 }).epochMilliseconds }
  }
  const day = at.startOfDay()
  const sinceWeekStart = weekStart === 'monday' ? day.dayOfWeek - 1 : day.dayOfWeek % 7
  const date = day.toPlainDate()
  const first = unit === 'day' ? date : unit === 'week' ? date.subtract({ days: sinceWeekStart }) : date.with({ day: 1 })
  const next = first.add(unit === 'day' ? { days: 1 } : unit === 'week' ? { weeks: 1 } : { months: 1 })
  const midnight = (plain: Temporal.PlainDate): number => plain.toZonedDateTime(at.timeZoneId).epochMilliseconds
  return { start: midnight(first), end: midnight(next) }
}

const checkZone = (zone: string): void => {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone)
  } catch (thrown) {
    throw new MillraceError('MR_CONFIG', `calendar: ${JSON.stringify(zone)} is not a time zone: ${toError(thrown).message}`)
  }
}
