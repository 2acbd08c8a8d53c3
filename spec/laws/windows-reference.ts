import type { Result, Sent } from './law.js'

export type Emit = 'updates' | 'final' | { readonly every: number }
export interface WindowSettings {
  readonly kind: 'tumbling' | 'hopping' | 'sliding' | 'session' | 'calendar'
  /** Of a session its gap. */
  readonly size: number
  /** Of hopping windows. */
  readonly every: number
  readonly grace: number
  readonly emit: Emit
  readonly fold: 'count' | 'reduce' | 'aggregate' | 'cogroup'
  readonly unit: 'hour' | 'day' | 'week' | 'month'
  readonly zone: string
}

/** How a value is added, and how sessions become one. `from`: of a cogroup, which of the groups. */
export interface Folding {
  readonly add: (result: string | undefined, value: string, from: string) => string
  readonly merge: (results: readonly string[]) => string | undefined
}
export const foldings: Readonly<Record<WindowSettings['fold'], Folding>> = {
  count: {
    add: (result) => String(Number(result ?? 0) + 1),
    merge: (results) => (results.length === 0 ? undefined : String(results.reduce((sum, n) => sum + Number(n), 0))),
  },
  reduce: {
    add: (result, value) => (result === undefined ? value : `${result}+${value}`),
    merge: (results) => (results.length === 0 ? undefined : results.join('+')),
  },
  aggregate: {
    add: (result = '', value) => `${result},${value}`,
    merge: (results) => (results.length === 0 ? undefined : results.reduce((a, b) => `(${a}|${b})`, '')),
  },
  cogroup: {
    add: (result = '', value, from) => `${result},${from}${value}`,
    merge: (results) => (results.length === 0 ? undefined : results.reduce((a, b) => `(${a}|${b})`, '')),
  },
}

interface Window {
  readonly key: string
  readonly start: number
  readonly end: number
  value: string
  /** The largest of its records. */
  time: number
  /** Of `{ every }`: what was told last, and the stream time of the first update after that. */
  told: { readonly value: string; readonly time: number } | null
  since: number | null
}

export const windowName = ({ key, start, end }: { readonly key: string; readonly start: number; readonly end: number }): string =>
  `${key}@${start}-${end}`

const byStart = (a: Window, b: Window): number => a.start - b.start
const byClosing = (a: Window, b: Window): number => a.end - b.end || a.start - b.start || (a.key < b.key ? -1 : 1)

/**
 * The windows of one partition, slow and obvious: keeps every record and every window there ever was, and looks at all of them for
 * each record. One list of results for each.
 */
export const windowsReference = (
  settings: WindowSettings,
  taken: readonly Sent[],
  calendarOf: (time: number) => { readonly start: number; readonly end: number },
): readonly (readonly Result[])[] => {
  const { kind, size, every, grace, emit } = settings
  const folding = foldings[settings.fold]
  /** That count: not null, and not late. */
  const counted: Sent[] = []
  /** Open ones; a closed one is gone. */
  let windows: Window[] = []
  let streamTime = -1

  const isClosed = ({ end }: { readonly end: number }): boolean => {
    if (kind === 'session') return end + size + grace < streamTime
    return kind === 'sliding' ? end + grace < streamTime : end + grace <= streamTime
  }

  /** The windows the record counts into, by start, and those that begin with it: bounds, and what is in them already. */
  const windowsFor = ({ key, time }: Sent): readonly { readonly start: number; readonly end: number }[] => {
    const bounds = (start: number) => ({ start, end: start + size })
    const whole = Array.from({ length: size + 1 }, (_, back) => time - back).filter((start) => start >= 0)
    switch (kind) {
      case 'calendar':
        return [calendarOf(time)]
      case 'tumbling':
        return [bounds(time - (time % size))]
      case 'hopping':
        return whole
          .reverse()
          .filter((start) => start % every === 0 && time < start + size)
          .map(bounds)
      case 'sliding': {
        // A window is there when it ends at a record, or begins just after one; the first is shared by all that are early.
        const isThere = (start: number): boolean =>
          start === Math.max(0, time - size) ||
          windows.some((window) => window.key === key && window.start === start) ||
          counted.some((one) => one.key === key && one.time + 1 === start)
        return whole.reverse().filter(isThere).map(bounds)
      }
      case 'session':
        return []
    }
  }

  const tell = (window: Window, before: Window['told'], after: Window['told']): Result[] => {
    if (before === null && after === null) return []
    return [['out', windowName(window), after?.value ?? null, (after ?? before)?.time ?? -1]]
  }
  const updated = (window: Window): Result[] => {
    if (emit === 'updates') return tell(window, null, window)
    window.since ??= streamTime
    return []
  }
  const removed = (window: Window): Result[] => {
    windows = windows.filter((one) => one !== window)
    if (emit === 'final') return []
    return tell(window, emit === 'updates' ? window : window.told, null)
  }
  const tellNewest = (window: Window): Result[] => {
    if (window.since === null) return []
    window.told = { value: window.value, time: window.time }
    window.since = null
    return tell(window, null, window.told)
  }

  /** What is due, and what closes, now that time has moved. */
  const passed = (): Result[] => {
    const results: Result[] = []
    if (typeof emit === 'object') {
      const due = windows.filter(({ since }) => since !== null && since + emit.every <= streamTime)
      const inOrder = due.sort((a, b) => (a.since ?? 0) - (b.since ?? 0) || byClosing(a, b))
      for (const window of inOrder) results.push(...tellNewest(window))
    }
    const closed = windows.filter(isClosed).sort(byClosing)
    windows = windows.filter((window) => !closed.includes(window))
    for (const window of closed) {
      if (emit === 'final') results.push(...tell(window, null, window))
      if (typeof emit === 'object') results.push(...tellNewest(window))
    }
    return results
  }

  const opened = (key: string, start: number, end: number): Window => {
    const window = { key, start, end, value: '', time: -1, told: null, since: null }
    windows.push(window)
    return window
  }

  /** Null: it is late. */
  const intoSessions = ({ key, value, time, to }: Sent & { readonly key: string; readonly value: string }): Result[] | null => {
    const touched = windows
      .filter((one) => one.key === key && !isClosed(one) && one.start - size <= time && time <= one.end + size)
      .sort(byStart)
    const start = Math.min(time, ...touched.map((one) => one.start))
    const end = Math.max(time, ...touched.map((one) => one.end))
    if (isClosed({ end })) return null
    const merged = folding.merge(touched.map((one) => one.value))
    const newest = Math.max(time, ...touched.map((one) => one.time))
    const same = touched.find((one) => one.start === start && one.end === end)
    const results = touched.flatMap((one) => (one === same ? [] : removed(one)))
    const session = same ?? opened(key, start, end)
    session.value = folding.add(merged, value, to)
    session.time = newest
    return [...results, ...updated(session)]
  }

  /** Null: it is late, but may have parted a window of later records from those before. */
  const intoWindows = (record: Sent & { readonly key: string; readonly value: string }): { late: boolean; results: Result[] } => {
    const { key, value, time, to } = record
    const mine = windowsFor(record).filter((bounds) => !isClosed(bounds))
    const isLate = mine.length === 0
    const later = counted.filter((one) => one.key === key && one.time > time && one.time <= time + 1 + size)
    const right = { start: time + 1, end: time + 1 + size }
    const isRightNew =
      kind === 'sliding' &&
      later.length > 0 &&
      time + size + grace >= streamTime &&
      !windows.some((one) => one.key === key && one.start === right.start)
    const results: Result[] = []
    const made = (bounds: { readonly start: number; readonly end: number }, content: readonly Sent[]): Window => {
      const window = opened(key, bounds.start, bounds.end)
      for (const one of content) {
        window.value = folding.add(window.time < 0 ? undefined : window.value, one.value ?? '', one.to)
        window.time = Math.max(window.time, one.time)
      }
      return window
    }
    for (const bounds of mine) {
      const known = windows.find((one) => one.key === key && one.start === bounds.start && one.end === bounds.end)
      const within =
        kind === 'sliding' ? counted.filter((one) => one.key === key && one.time >= bounds.start && one.time <= bounds.end) : []
      const window = known ?? made(bounds, within)
      window.value = folding.add(window.time < 0 ? undefined : window.value, value, to)
      window.time = Math.max(window.time, time)
      results.push(...updated(window))
    }
    if (isRightNew) results.push(...updated(made(right, later)))
    return { late: isLate, results }
  }

  return taken.map((record) => {
    const { key, value } = record
    if (key === null || value === null) return []
    const isNewest = record.time > streamTime
    streamTime = Math.max(streamTime, record.time)
    const whole = { ...record, key, value }
    const outcome = kind === 'session' ? { late: false, results: intoSessions(whole) } : intoWindows(whole)
    const isLate = outcome.late || outcome.results === null
    if (!isLate) counted.push(record)
    const late: Result[] = isLate ? [['late', key, value, record.time]] : []
    return [...(outcome.results ?? []), ...late, ...(isNewest ? passed() : [])]
  })
}
