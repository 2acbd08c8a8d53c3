import type fc from 'fast-check'
import { codec, topic, type App, type Topic } from '../../lib/index.js'

/** A record on its way into a topic. */
export interface Sent {
  readonly to: string
  readonly key: string | null
  readonly value: string | null
  readonly time: number
}
/** A record that came out, its key as text. */
export type Result = readonly [out: string, key: unknown, value: unknown, time: number]

export type Text = Topic<string | null, string | null>
const text = codec.nullable(codec.string)
export const input = (name: string, partitions?: number): Text => topic(name, { key: text, value: text, partitions })
/** All results in one partition: so the results of each task keep their order for who reads them. */
export const output = (name: string): Text => topic(name, { key: text, value: text, partitions: 1 })

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- keys and values of any type: they are only compared
export type Output = Topic<any, any>

/** What a plan is given beside its settings. */
export interface Plan<S> {
  readonly settings: S
  readonly app: App
}

/** A verb in all its settings, and what it is to give. Settings are plain data, so that a history can be written down. */
export interface Law<S> {
  readonly name: string
  /** In the order in which the plan declares them. */
  readonly inputs: readonly Text[]
  readonly outputs: readonly Output[]
  readonly settings: fc.Arbitrary<S>
  /** How often a record has no key, or no value, of 16. Default 1. */
  readonly nulls?: { readonly keys?: number; readonly values?: number }
  /** Of each input. Default `a` to `d`. */
  readonly keys?: Readonly<Record<string, readonly string[]>>
  /** What goes into a value, before a number that makes it unlike all others. Default: nothing. */
  readonly words?: readonly string[]
  /** From the times of a history, which are small, to those of the records. Default: as they are. */
  readonly times?: (settings: S) => { readonly from: number; readonly step: number }
  /** Records go through a topic of the app's own: at least once, a crash amid a commit may count them again. */
  readonly isRepartitioned?: boolean
  /** The input that every partition has whole: a global table's. Of each step it is read before the others. */
  readonly everywhere?: string
  readonly define: (plan: Plan<S>) => unknown
  /** The key of a result as text. Default: as it is. */
  readonly keyOf?: (key: never) => string
  readonly judge: Judge<S>
}

export type Judge<S> =
  /**
   * Each result, in order, as the plan must give it for the records that one partition has taken, in this order: one list per record.
   * Keeps all records, and works everything out from them.
   */
  | { readonly kind: 'results'; readonly reference: (settings: S, taken: readonly Sent[], at: Place) => readonly (readonly Result[])[] }
  /** The rows there are when all of that has been read; a delete tells of a row that was there. */
  | { readonly kind: 'rows'; readonly reference: (settings: S, sent: readonly Sent[]) => ReadonlyMap<string, unknown> }

export interface Place {
  readonly partition: number
  readonly partitions: number
}

/** For a list of laws with settings of their own each. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- variance position: settings of any law
export type AnyLaw = Law<any>
