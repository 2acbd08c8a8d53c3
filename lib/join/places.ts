/**
 * What a join buffer knows of its records without reading them. Each has a place, a number from 1 on that is free again when the
 * record has left; each fact is a column over the places, as an object per record is what a million of them would mostly cost.
 * The records of a key are a ring in order of time and arrival.
 */
export class Places {
  private times = new Float64Array(firstLength)
  private arrivals = new Float64Array(firstLength)
  /** Neighbours in the ring of a key: the oldest is next to the newest. */
  private older = new Int32Array(firstLength)
  private newer = new Int32Array(firstLength)
  private facts = new Uint8Array(firstLength)
  private readonly ids: string[] = ['']
  /** By key: the place of the newest. */
  private readonly newest = new Map<string, number>()
  /** Free, and the store still has the row of who was there. */
  private readonly stale: number[] = []
  /** Free, without a row. */
  private readonly vacant: number[] = []
  private highest = 0
  private taken = 0

  get size(): number {
    return this.taken
  }

  /** The one that `seat` will take: first those with an old row, which will be written over. */
  get next(): number {
    return this.stale.at(-1) ?? this.vacant.at(-1) ?? this.highest + 1
  }

  seat(place: number, id: string, time: number, arrival: number): void {
    if (this.stale.at(-1) === place) this.stale.pop()
    else if (this.vacant.at(-1) === place) this.vacant.pop()
    else this.makeRoom(place)
    this.taken++
    this.ids[place] = id
    this.times[place] = time
    this.arrivals[place] = arrival
    this.facts[place] = 0
  }

  /** Free for the next; `hasRow`: what is in the store was left there. */
  leave(place: number, hasRow: boolean): void {
    this.taken--
    this.ids[place] = ''
    ;(hasRow ? this.stale : this.vacant).push(place)
  }

  /** One that has a row for nothing, if there are far more of them than records. */
  takeSurplus(): number | undefined {
    if (this.stale.length <= this.taken + spareRows) return undefined
    const place = this.stale.pop()
    if (place !== undefined) this.vacant.push(place)
    return place
  }

  /** After a start: these places have rows. All others below the highest of them are vacant, `old` are stale. */
  recover(old: readonly number[]): void {
    const isFree = new Set(old)
    for (const place of old) this.makeRoom(place)
    for (let place = this.highest; place > 0; place--) {
      if (isFree.has(place)) this.stale.push(place)
      else if (!this.isAny(place)) this.vacant.push(place)
    }
  }

  timeOf(place: number): number {
    return this.times[place] as number
  }
  arrivalOf(place: number): number {
    return this.arrivals[place] as number
  }
  idOf(place: number): string {
    return this.ids[place] as string
  }
  is(place: number, fact: number): boolean {
    return ((this.facts[place] as number) & fact) !== 0
  }
  isAny(place: number): boolean {
    return this.facts[place] !== 0
  }
  mark(place: number, fact: number): void {
    this.facts[place] = (this.facts[place] as number) | fact
  }
  unmark(place: number, fact: number): void {
    this.facts[place] = (this.facts[place] as number) & ~fact
  }

  readonly isOlder = (a: number, b: number): boolean => {
    const [timeOfA, timeOfB] = [this.timeOf(a), this.timeOf(b)]
    return timeOfA < timeOfB || (timeOfA === timeOfB && this.arrivalOf(a) < this.arrivalOf(b))
  }

  /* ------------------------------------------------------------------ by key */

  /** Of a key, between two times, both inclusive, in order of time and arrival. */
  between(id: string, from: number, to: number, found: number[]): void {
    const newest = this.newest.get(id)
    if (newest === undefined) return
    let place = newest
    do {
      const time = this.times[place] as number
      if (time < from) break
      if (time <= to) found.push(place)
      place = this.older[place] as number
    } while (place !== newest)
    if (found.length > 1) found.reverse()
  }

  link(place: number): void {
    const id = this.idOf(place)
    const newest = this.newest.get(id)
    if (newest === undefined) {
      this.older[place] = this.newer[place] = place
      return void this.newest.set(id, place)
    }
    if (!this.isOlder(place, newest)) this.newest.set(id, place)
    let before = newest
    const oldest = this.newer[newest] as number
    while (this.isOlder(place, before) && before !== oldest) before = this.older[before] as number
    // Older than all: between the newest and the oldest, as one that is newer than all.
    this.insert(place, this.isOlder(place, before) ? newest : before)
  }

  private insert(place: number, before: number): void {
    const after = this.newer[before] as number
    this.older[place] = before
    this.newer[place] = after
    this.newer[before] = place
    this.older[after] = place
  }

  unlink(place: number): void {
    const [older, newer] = [this.older[place] as number, this.newer[place] as number]
    this.newer[older] = newer
    this.older[newer] = older
    const id = this.idOf(place)
    if (this.newest.get(id) !== place) return
    if (older === place) this.newest.delete(id)
    else this.newest.set(id, older)
  }

  private makeRoom(place: number): void {
    for (; this.highest < place; this.highest++) this.ids.push('')
    const { length } = this.times
    if (place < length) return
    const enough = Math.max(2 * length, place + 1)
    this.times = grown(this.times, new Float64Array(enough))
    this.arrivals = grown(this.arrivals, new Float64Array(enough))
    this.older = grown(this.older, new Int32Array(enough))
    this.newer = grown(this.newer, new Int32Array(enough))
    this.facts = grown(this.facts, new Uint8Array(enough))
  }
}

const firstLength = 1024
/** Rows that may be there for nothing, beside as many as there are records. */
const spareRows = 1024

/** Of a place; one without any is free. */
export const fact = Object.freeze({
  /** Can be found by the other side. */
  buffered: 1,
  /** Waits for its first match. */
  parked: 2,
  /** Stands among those that are parked, perhaps no longer for a reason. */
  lined: 4,
})

const grown = <A extends Float64Array | Int32Array | Uint8Array>(before: A, after: A): A => {
  after.set(before)
  return after
}
