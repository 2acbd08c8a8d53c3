/** The smallest first. */
export class MinHeap<A> {
  private readonly items: A[] = []

  constructor(private readonly order: (a: A, b: A) => number) {}

  get size(): number {
    return this.items.length
  }

  peek(): A | undefined {
    return this.items[0]
  }

  push(item: A): void {
    const { items } = this
    let at = items.length
    items.push(item)
    while (at > 0) {
      const up = (at - 1) >> 1
      // Both indices are within the array.
      if (this.order(items[up] as A, item) <= 0) break
      items[at] = items[up] as A
      at = up
    }
    items[at] = item
  }

  pop(): A | undefined {
    const { items } = this
    const [first] = items
    const last = items.pop()
    if (items.length === 0 || last === undefined) return first
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= items.length) break
      // As above.
      if (down + 1 < items.length && this.order(items[down + 1] as A, items[down] as A) < 0) down++
      if (this.order(last, items[down] as A) <= 0) break
      items[at] = items[down] as A
      at = down
    }
    items[at] = last
    return first
  }
}
