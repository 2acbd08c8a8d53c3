import type { Result, Sent } from './law.js'

export interface SuppressSettings {
  readonly within: number
  readonly maxKeys: number | null
}

/** What is held back, and what was let out: both looked through for each record. */
export const suppressReference = ({ within, maxKeys }: SuppressSettings, taken: readonly Sent[]): readonly (readonly Result[])[] => {
  const above = new Map<string, string>()
  const letOut = new Set<string>()
  let held: { readonly key: string; readonly since: number; value: string | null; time: number }[] = []
  let streamTime = -1
  return taken.map(({ key, value, time }) => {
    if (key === null || (value === null && !above.delete(key))) return []
    if (value !== null) above.set(key, value)
    streamTime = Math.max(streamTime, time)
    const known = held.find((one) => one.key === key)
    if (known) Object.assign(known, { value, time })
    else held.push({ key, since: time, value, time })
    held.sort((a, b) => a.since - b.since || (a.key < b.key ? -1 : 1))
    const tooMany = maxKeys === null ? 0 : held.length - maxKeys
    const due = held.filter(({ since }, i) => since + within <= streamTime || i < tooMany)
    held = held.filter((one) => !due.includes(one))
    return due.flatMap((one): Result[] => {
      const hadRow = letOut.delete(one.key)
      if (one.value !== null) letOut.add(one.key)
      return one.value !== null || hadRow ? [['out', one.key, one.value, one.time]] : []
    })
  })
}

export interface DistinctSettings {
  readonly within: number
}

/** The first of a key and a letter passes, and again one that is `within` past the last that did. */
export const distinctReference = ({ within }: DistinctSettings, taken: readonly Sent[]): readonly (readonly Result[])[] => {
  /** The last that passed of each, as long as it is known. */
  const passed = new Map<string, number>()
  let streamTime = -1
  return taken.map(({ key, value, time }) => {
    if (key === null || value === null) return []
    for (const [what, first] of passed) if (first + 2 * within <= streamTime) passed.delete(what)
    const what = `${key} ${value.charAt(0)}`
    const first = passed.get(what)
    streamTime = Math.max(streamTime, time)
    if (first !== undefined && time < first + within) return []
    passed.set(what, time)
    return [['out', key, value, time]]
  })
}
