/** Disjoint sets (union-find): what is connected with what. In order of the first member added. */
export class Groups<A> {
  private readonly parent = new Map<A, A>()

  add(a: A): void {
    if (!this.parent.has(a)) this.parent.set(a, a)
  }

  unite(a: A, b: A): void {
    this.add(a)
    this.add(b)
    this.parent.set(this.rootOf(b), this.rootOf(a))
  }

  /** Those connected with `a`, itself included. */
  groupOf(a: A): readonly A[] {
    const root = this.rootOf(a)
    return [...this.parent.keys()].filter((other) => this.rootOf(other) === root)
  }

  all(): readonly (readonly A[])[] {
    const byRoot = new Map<A, A[]>()
    for (const a of this.parent.keys()) {
      const root = this.rootOf(a)
      const group = byRoot.get(root)
      if (group) group.push(a)
      else byRoot.set(root, [a])
    }
    return [...byRoot.values()]
  }

  private rootOf(a: A): A {
    let root = a
    for (let above = this.parent.get(root); above !== undefined && above !== root; above = this.parent.get(root)) root = above
    return root
  }
}
