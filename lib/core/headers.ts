/**
 * Record headers in wire order; a name may repeat. Immutable, decoded when read.
 * @since 0.1.0
 */
export interface KHeaders extends Iterable<readonly [name: string, value: Uint8Array | null]> {
  /** The last one of that name; undefined when there is none. */
  get(name: string): Uint8Array | null | undefined
  /** All of that name, in wire order. */
  getAll(name: string): readonly (Uint8Array | null)[]
  /** The last value of `name` as UTF-8. */
  text(name: string): string | undefined
}

/**
 * What `withHeaders`, `send` and `sink` take: an object, or pairs where a name may repeat. Strings become UTF-8.
 * @since 0.1.0
 */
export type KHeadersInit = Readonly<Record<string, string | Uint8Array | null>> | Iterable<readonly [string, string | Uint8Array | null]>

type Pair = readonly [name: string, value: Uint8Array | null]

class HeaderList implements KHeaders {
  constructor(private readonly pairs: readonly Pair[]) {}

  get(name: string): Uint8Array | null | undefined {
    return this.pairs.findLast((pair) => pair[0] === name)?.[1]
  }
  getAll(name: string): readonly (Uint8Array | null)[] {
    return this.pairs.filter((pair) => pair[0] === name).map((pair) => pair[1])
  }
  text(name: string): string | undefined {
    const value = this.get(name)
    return value ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8') : undefined
  }
  [Symbol.iterator](): Iterator<Pair> {
    return this.pairs[Symbol.iterator]()
  }
}

export const noHeaders: KHeaders = new HeaderList([])

/** Headers from pairs that are already bytes, in wire order. */
export const headersOf = (pairs: readonly Pair[]): KHeaders => (pairs.length === 0 ? noHeaders : new HeaderList(pairs))

const bytesOf = (value: string | Uint8Array | null): Uint8Array | null => (typeof value === 'string' ? Buffer.from(value, 'utf8') : value)

const isIterable = (init: KHeadersInit): init is Iterable<readonly [string, string | Uint8Array | null]> => Symbol.iterator in init

export const headersFrom = (init: KHeadersInit): KHeaders => {
  const entries = isIterable(init) ? [...init] : Object.entries(init)
  return headersOf(entries.map(([name, value]) => [name, bytesOf(value)] as const))
}

/** `base` with every name of `changes` replaced; the others stay, in their order. */
export const replaceHeaders = (base: KHeaders, changes: KHeaders): KHeaders => {
  const added = [...changes]
  const names = new Set(added.map(([name]) => name))
  return headersOf([...[...base].filter(([name]) => !names.has(name)), ...added])
}
