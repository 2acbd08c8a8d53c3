import type { JoinBuffer } from './join-buffer.js'

/** One that waited for a match in vain. */
export interface Due<S extends Buffered> {
  readonly of: S
  readonly place: number
}
interface Buffered {
  readonly side: 'left' | 'right'
  readonly buffer: JoinBuffer<unknown>
}

/** Leave before others have their turn: some ms. */
const piece = 500

/** The parked records that stream time has made due, in the order they leave: by time, right before left, by key. */
export class DueRecords<S extends Buffered> {
  private inOrder: readonly Due<S>[] = []
  private first = 0
  private time = -1

  /** `sides`: those whose records leave unmatched. */
  constructor(private readonly sides: readonly S[]) {}

  /** The first of them: as many as leave at once, or all there are. Until `leave` they stay the first. */
  by(streamTime: number): readonly Due<S>[] {
    if (this.first >= this.inOrder.length || this.time !== streamTime) this.find(streamTime)
    const { inOrder, first } = this
    return inOrder.length === 0 ? inOrder : inOrder.slice(first, first + piece).filter(isParked)
  }

  /** More than `by` has given. */
  get hasMore(): boolean {
    return this.first + piece < this.inOrder.length
  }

  /** What `by` has given is done with. `told`: those of them that are still parked. */
  leave(told: readonly Due<S>[]): void {
    for (const { of, place } of told) of.buffer.unpark(place)
    this.first += piece
    if (this.first >= this.inOrder.length) this.inOrder = none
  }

  private find(streamTime: number): void {
    this.time = streamTime
    this.first = 0
    this.inOrder = none
    for (const of of this.sides) {
      const places = of.buffer.dueBy(streamTime)
      if (places.length > 0) this.inOrder = [...this.inOrder, ...places.map((place) => ({ of, place }))]
    }
    if (this.inOrder.length > 1) this.inOrder = this.inOrder.toSorted(byOrder)
  }
}

const none: readonly never[] = []

const isParked = <S extends Buffered>({ of, place }: Due<S>): boolean => of.buffer.isParked(place)

const byOrder = <S extends Buffered>(a: Due<S>, b: Due<S>): number => {
  const [left, right] = [a.of.buffer.places, b.of.buffer.places]
  const time = left.timeOf(a.place) - right.timeOf(b.place)
  if (time !== 0) return time
  if (a.of !== b.of) return a.of.side === 'right' ? -1 : 1
  const [id, other] = [left.idOf(a.place), right.idOf(b.place)]
  if (id !== other) return id < other ? -1 : 1
  return left.arrivalOf(a.place) - right.arrivalOf(b.place)
}
