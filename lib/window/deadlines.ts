import { Heap } from '../core/heap.js'
import { closesBefore, type Bounds } from './bounds.js'

interface Bucket<R> extends Bounds {
  readonly rows: R[]
}

/** What has bounds, by the order in which it closes; what has the same bounds closes together. */
export class Deadlines<R extends Bounds> {
  private readonly heap = new Heap<Bucket<R>>(closesBefore)
  private readonly buckets = new Map<number, Map<number, Bucket<R>>>()

  add(row: R): void {
    const { start, end } = row
    let starts = this.buckets.get(end)
    if (starts === undefined) this.buckets.set(end, (starts = new Map()))
    const bucket = starts.get(start)
    if (bucket !== undefined) return void bucket.rows.push(row)
    const made = { start, end, rows: [row] }
    starts.set(start, made)
    this.heap.add(made)
  }

  /** The rows that are due first, all of the same bounds, if they are due at all. */
  take(isDue: (bounds: Bounds) => boolean): readonly R[] | null {
    const first = this.heap.least
    if (first === undefined || !isDue(first)) return null
    this.heap.take()
    const starts = this.buckets.get(first.end)
    starts?.delete(first.start)
    if (starts?.size === 0) this.buckets.delete(first.end)
    return first.rows
  }
}
