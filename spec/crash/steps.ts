/** The requests a commit consists of, by Kafka's api key. */
export const apiKeys = {
  Produce: 0,
  OffsetCommit: 8,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const

/** A point of the commit to die at: before a request leaves, when it has left, when it is answered and the answer not yet read. */
export interface Step {
  readonly api: keyof typeof apiKeys
  readonly moment: 'before' | 'sent' | 'answered'
}

export type Mode = 'exactly-once' | 'at-least-once'

const moments = ['before', 'sent', 'answered'] as const
const apis = {
  'exactly-once': ['EndTxn', 'TxnOffsetCommit', 'Produce', 'AddPartitionsToTxn', 'AddOffsetsToTxn'],
  'at-least-once': ['OffsetCommit', 'Produce'],
} as const

/** Every step of a commit, those that decide it first. */
export const stepsOf = (mode: Mode): readonly Step[] => moments.flatMap((moment) => apis[mode].map((api) => ({ api, moment })))
