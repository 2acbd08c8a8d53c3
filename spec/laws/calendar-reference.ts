import type { WindowSettings } from './windows-reference.js'

type Unit = WindowSettings['unit']
const quarterMs = 900_000
type Bounds = { readonly start: number; readonly end: number }
const known = new Map<string, Bounds[]>()

/** Bounds of calendar windows without calendar arithmetic: goes to both sides, a quarter of an hour at a time, while the clock of the zone shows the same. */
export const calendarReference = (unit: Unit, zone: string): ((time: number) => Bounds) => {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  })
  const shown = (time: number): string => {
    const part = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]))
    const day = `${part['year']}-${part['month']}-${part['day']}`
    if (unit === 'month') return day.slice(0, 7)
    if (unit === 'day') return day
    // An hour that comes twice is two: they differ in the offset.
    if (unit === 'hour') return `${day} ${part['hour']} ${part['timeZoneName']}`
    const date = Date.parse(`${day}T00:00Z`)
    return new Date(date - ((new Date(date).getUTCDay() + 6) % 7) * 86_400_000).toISOString()
  }
  const bounds = known.get(`${unit} ${zone}`) ?? []
  known.set(`${unit} ${zone}`, bounds)
  return (time) => {
    const found = bounds.find(({ start, end }) => time >= start && time < end)
    if (found) return found
    const same = shown(time)
    let start = time - (time % quarterMs)
    while (shown(start - quarterMs) === same) start -= quarterMs
    let end = start + quarterMs
    while (shown(end) === same) end += quarterMs
    bounds.push({ start, end })
    return { start, end }
  }
}
