import { durationMs, type Duration } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import type { Bounds } from './bounds.js'
import { calendarBounds, type CalendarOptions, type CalendarUnit } from './calendar.js'
import { positive, timingOf, type Timing, type WindowOptions } from './timing.js'

/**
 * Windows whose bounds are known before their records: what `tumbling`, `hopping`, `sliding` and `calendar` give.
 * @since 0.1.0
 */
export interface FixedWindows {
  readonly _tag: 'FixedWindows'
}
/**
 * Windows made by their records: what `session` gives.
 * @since 0.1.0
 */
export interface SessionWindows {
  readonly _tag: 'SessionWindows'
}

/** Windows [start, end) that a time alone decides. */
export interface AlignedWindows extends FixedWindows {
  readonly kind: 'aligned'
  readonly timing: Timing
  /** Null: they have no one size. */
  readonly sizeMs: number | null
  /** How long the row of a closed window can still be read, beside the grace. */
  readonly keptMs: number
  /** The windows that hold `time`, by start. */
  windowsOf(time: number): readonly Bounds[]
}
/** Windows [t - size, t], both inclusive, one per distinct content. */
export interface SlidingWindows extends FixedWindows {
  readonly kind: 'sliding'
  readonly timing: Timing
  readonly sizeMs: number
  readonly keptMs: number
}
/** [first, last], both inclusive. */
export interface GapWindows extends SessionWindows {
  readonly kind: 'session'
  readonly timing: Timing
  readonly sizeMs: null
  readonly gapMs: number
  readonly keptMs: number
}
export type Windows = AlignedWindows | SlidingWindows | GapWindows

/**
 * Windows [start, end) that follow one another, aligned to the epoch.
 * **Throws** `MR_DURATION`, `MR_CONFIG`.
 *
 * @example
 * clicks.groupByKey().window(tumbling('5m', { grace: '30s', emit: 'final' })).count()
 * @since 0.1.0
 */
export const tumbling = (size: Duration, options?: WindowOptions): FixedWindows =>
  aligned(positive(size, 'the size of a tumbling window'), null, options)

/**
 * Windows [start, end) of one size, one beginning every `every`, aligned to the epoch; a record is in several of them.
 * **Throws** `MR_DURATION`, `MR_CONFIG` when `every` is longer than the size: records would fall between windows.
 *
 * @example
 * clicks.groupByKey().window(hopping('1h', { every: '5m' })).count()
 * @since 0.1.0
 */
export const hopping = (size: Duration, options: WindowOptions & { readonly every: Duration }): FixedWindows => {
  const everyMs = positive(options.every, 'every of a hopping window')
  const sizeMs = positive(size, 'the size of a hopping window')
  if (everyMs > sizeMs) throw new MillraceError('MR_CONFIG', `hopping: every (${everyMs} ms) is longer than the size (${sizeMs} ms)`)
  return aligned(sizeMs, everyMs, options)
}

/**
 * Per record the windows [t - size, t] and [t + 1, t + 1 + size], both bounds inclusive, as far as they hold something: each
 * distinct content has one window.
 * **Throws** `MR_DURATION`, `MR_CONFIG`. **Source** Kafka Streams' `SlidingWindows` (KIP-450).
 *
 * @example
 * logins.groupByKey().window(sliding('10m')).count()
 * @since 0.1.0
 */
export const sliding = (size: Duration, options?: WindowOptions): FixedWindows => {
  const sizeMs = whole(durationMs(size, 'the size of a sliding window'))
  const windows: SlidingWindows = { _tag: 'FixedWindows', kind: 'sliding', timing: timingOf(options), sizeMs, keptMs: sizeMs }
  return Object.freeze(windows)
}

/**
 * Windows of activity, [first, last] inclusive, apart by more than `gap`; a record that lies between two of them joins them.
 * **Throws** `MR_DURATION`, `MR_CONFIG`. **Source** Kafka Streams' `SessionWindows`.
 *
 * @example
 * clicks.groupByKey().window(session('30m', { emit: 'final' })).aggregate(agg.count)
 * @since 0.1.0
 */
export const session = (gap: Duration, options?: WindowOptions): SessionWindows => {
  const gapMs = whole(durationMs(gap, 'the gap of a session'))
  const windows: GapWindows = { _tag: 'SessionWindows', kind: 'session', timing: timingOf(options), sizeMs: null, gapMs, keptMs: gapMs }
  return Object.freeze(windows)
}

/**
 * Hours, days, weeks or months of a time zone (IANA name, default UTC), [start, end) at local midnight or the full hour, so a day
 * may have 23 or 25 hours. Weeks begin on Monday unless said otherwise.
 * **Throws** `MR_CONFIG` for an unknown unit or zone.
 *
 * @example
 * orders.groupByKey().window(calendar('day', { zone: 'Europe/Berlin', emit: 'final' })).count()
 * @since 0.1.0
 */
export const calendar = (unit: CalendarUnit, options: WindowOptions & CalendarOptions = {}): FixedWindows => {
  const { boundsOf, longestMs } = calendarBounds(unit, options)
  const windows: AlignedWindows = {
    _tag: 'FixedWindows',
    kind: 'aligned',
    timing: timingOf(options),
    sizeMs: null,
    keptMs: longestMs,
    windowsOf: (time) => [boundsOf(time)],
  }
  return Object.freeze(windows)
}

const aligned = (sizeMs: number, everyMs: number | null, options: WindowOptions | undefined): AlignedWindows =>
  Object.freeze({
    _tag: 'FixedWindows',
    kind: 'aligned',
    timing: timingOf(options),
    sizeMs,
    keptMs: sizeMs,
    windowsOf: everyMs === null ? tumblingAt(sizeMs) : hoppingAt(sizeMs, everyMs),
  })

const tumblingAt = (sizeMs: number) => {
  let last: readonly [Bounds] = [{ start: 0, end: sizeMs }]
  return (time: number): readonly Bounds[] => {
    const [{ start, end }] = last
    if (time >= start && time < end) return last
    const from = Math.floor(time / sizeMs) * sizeMs
    return (last = [{ start: from, end: from + sizeMs }])
  }
}

const hoppingAt =
  (sizeMs: number, everyMs: number) =>
  (time: number): readonly Bounds[] => {
    const windows: Bounds[] = []
    const first = Math.max(0, (Math.floor((time - sizeMs) / everyMs) + 1) * everyMs)
    for (let start = first; start <= time; start += everyMs) windows.push({ start, end: start + sizeMs })
    return windows
  }

const whole = (ms: number): number => {
  if (Number.isInteger(ms)) return ms
  throw new MillraceError('MR_DURATION', `${ms} ms is not a whole number of ms, as the bounds of windows are`)
}

/**
 * The one predicate that decides accepting, releasing and expiring: whether a window with that end is closed at a stream time,
 * `laterMs` after its grace. A window without its end closes when its end is reached, one with it when its end is passed.
 */
export const isClosed = (windows: Windows, end: number, streamTime: number, laterMs = 0): boolean => {
  const last = end + windows.timing.graceMs + laterMs
  if (windows.kind === 'aligned') return last <= streamTime
  // A session takes what is up to a gap away.
  return windows.kind === 'session' ? last + windows.gapMs < streamTime : last < streamTime
}

/** Whether the row of a window is gone at a stream time: it has been closed for as long as it may be read. */
export const isExpired = (windows: Windows, end: number, streamTime: number): boolean =>
  isClosed(windows, end, streamTime, windows.keptMs + windows.timing.graceMs)

/** What the surface hides of it. */
export const windowsOf = (windows: FixedWindows | SessionWindows): Windows => {
  // Made above, and nowhere else: the types the user sees are those of these objects.
  if ('timing' in windows) return windows as Windows
  throw new MillraceError('MR_CONFIG', 'window() takes what tumbling, hopping, sliding, session or calendar gives')
}
