import { Heap } from './heap.js'

/** As a heap, for what mostly comes in order already: that stands in a queue, and only what comes too late for it in a heap. */
export class NearlySorted<A> {
  private queue: A[] = []
  private first = 0
  private readonly others: Heap<A>

  constructor(private readonly before: (a: A, b: A) => boolean) {
    this.others = new Heap(before)
  }

  get size(): number {
    return this.queue.length - this.first + this.others.size
  }

  get least(): A | undefined {
    return this.isNextQueued() ? this.queue[this.first] : this.others.least
  }

  add(item: A): void {
    const { queue, first } = this
    if (first < queue.length && this.before(item, queue[queue.length - 1] as A)) this.others.add(item)
    else queue.push(item)
  }

  /** Removes the least and gives it. */
  take(): A | undefined {
    if (!this.isNextQueued()) return this.others.take()
    const least = this.queue[this.first++]
    if (this.first >= 1024 && 2 * this.first >= this.queue.length) {
      this.queue = this.queue.slice(this.first)
      this.first = 0
    }
    return least
  }

  /** All that pass, in no order, without removing them. What passes must come before all that does not. */
  whileBefore(passes: (item: A) => boolean): A[] {
    const found = this.others.whileBefore(passes)
    for (let i = this.first; i < this.queue.length && passes(this.queue[i] as A); i++) found.push(this.queue[i] as A)
    return found
  }

  private isNextQueued(): boolean {
    if (this.first >= this.queue.length) return false
    const other = this.others.least
    return other === undefined || !this.before(other, this.queue[this.first] as A)
  }
}
