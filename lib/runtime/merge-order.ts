import type { Input } from './input.js'

/** What a task does next, over all its inputs. */
export type Choice =
  /** The input whose head is the oldest, and up to what time its records come before those of the others. */
  | { readonly _tag: 'Take'; readonly index: number; readonly limit: number }
  /** A codec is looking something up. */
  | { readonly _tag: 'Prepare'; readonly until: Promise<unknown> }
  /** These hold more in the log than has arrived: their records may be older. */
  | { readonly _tag: 'Wait'; readonly inputs: readonly Input[] }
  | { readonly _tag: 'AtEnd' }

/** Under one ms, and not lost in the precision of a double at today's dates. */
const justBelow = (time: number): number => time - 2 ** -11

/**
 * Joins do not depend on what arrives first: the smallest event time is next, of equals the input declared first.
 * An input that is empty here is waited for while the log is known to hold more of it.
 */
export const chooseInput = (inputs: readonly { readonly input: Input }[], givenUpOn: ReadonlySet<Input>): Choice => {
  let index = -1
  let oldest = Infinity
  let limit = Infinity
  const missing: Input[] = []
  for (let i = 0; i < inputs.length; i++) {
    const input = (inputs[i] as { readonly input: Input }).input
    const head = input.head()
    if (head instanceof Promise) return { _tag: 'Prepare', until: head }
    if (!head) {
      if (!input.isAtEnd && !givenUpOn.has(input)) missing.push(input)
      continue
    }
    const time = input.headTime()
    if (index === -1 || time < oldest) {
      // What was the oldest so far was declared earlier: of equals it comes first.
      limit = index === -1 ? Infinity : justBelow(oldest)
      index = i
      oldest = time
    } else limit = Math.min(limit, time)
  }
  if (missing.length > 0) return { _tag: 'Wait', inputs: missing }
  return index === -1 ? { _tag: 'AtEnd' } : { _tag: 'Take', index, limit }
}
