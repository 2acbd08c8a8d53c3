/** The least of many at hand: a binary heap, in the order `before` gives. */
export class Heap<A> {
  private readonly items: A[] = []

  constructor(private readonly before: (a: A, b: A) => boolean) {}

  get size(): number {
    return this.items.length
  }

  get least(): A | undefined {
    return this.items[0]
  }

  add(item: A): void {
    const { items } = this
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = items[above] as A
      if (!this.before(item, parent)) break
      items[at] = parent
      at = above
    }
    items[at] = item
  }

  /** Removes the least and gives it. */
  take(): A | undefined {
    const { items } = this
    const least = items[0]
    const last = items.pop()
    if (last !== undefined && items.length > 0) this.sink(last)
    return least
  }

  /** All that pass, in no order, without removing them. What passes must come before all that does not. */
  whileBefore(passes: (item: A) => boolean): A[] {
    const { items } = this
    const found: A[] = []
    const open = [0]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const item = items[at]
      if (item === undefined || !passes(item)) continue
      found.push(item)
      open.push(2 * at + 1, 2 * at + 2)
    }
    return found
  }

  private sink(item: A): void {
    const { items } = this
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      if (below + 1 < items.length && this.before(items[below + 1] as A, items[below] as A)) below++
      if (!this.before(items[below] as A, item)) break
      items[at] = items[below] as A
      at = below
    }
    items[at] = item
  }
}
