import type { KeyedStore } from '../topology/operator.js'

/** What a lambda has written, so that it can be taken back when it throws. */
export class Undo {
  private steps: (() => void)[] = []

  add(step: () => void): void {
    this.steps.push(step)
  }

  /** From here on: what is noted until then stays. */
  get mark(): number {
    return this.steps.length
  }

  /** Newest first. */
  backTo(mark: number): void {
    for (const step of this.steps.splice(mark).reverse()) step()
  }

  forget(): void {
    this.steps = []
  }
}

/** Writes that `undo` can take back. */
export const setUndoably = <K, A>(store: KeyedStore<K, A>, undo: Undo, key: K, value: A | undefined, timestamp: number): void => {
  const before = store.get(key)
  undo.add(() => {
    if (before === undefined) store.delete(key, timestamp)
    else store.set(key, before.value, before.timestamp)
  })
  if (value === undefined) store.delete(key, timestamp)
  else store.set(key, value, timestamp)
}
