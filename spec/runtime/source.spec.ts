import { codec } from '../../lib/core/codec.js'
import { systemClock } from '../../lib/core/clock.js'
import { noHeaders } from '../../lib/core/headers.js'
import type { RawRecord } from '../../lib/core/record.js'
import { DecodeError, SourceDecoder } from '../../lib/runtime/source.js'
import type { SourceNode } from '../../lib/topology/node.js'

const nowhere = (): void => undefined
const decoder = (as: 'stream' | 'table', timestamp?: (value: unknown) => number) => {
  const node: SourceNode = {
    kind: 'source',
    label: 'words',
    as,
    topic: { name: 'words', key: codec.string, value: codec.string, timestamp },
    options: { from: 'earliest', until: 'never', onOutOfRange: 'fail', maxAheadMs: 1000, onError: null },
  }
  return new SourceDecoder(node, systemClock, nowhere, nowhere)
}
const raw = (timestamp: number, value: string | null = 'x'): RawRecord => ({
  topic: 'words',
  partition: 0,
  offset: 0,
  timestamp,
  key: Buffer.from('k'),
  value: value === null ? null : Buffer.from(value),
  headers: noHeaders,
})
const outcome = (decoded: ReturnType<SourceDecoder['decode']>): unknown => {
  if (decoded instanceof DecodeError) return decoded.error.message.split('. ', 1)[0]
  return decoded?.timestamp
}

describe('the event time of a record', () => {
  it('fails when the log has none, unless the topic gives one', () => {
    const missing = 'MR_TIMESTAMP: the record has no timestamp (-1), and the topic has no timestamp function'

    expect(outcome(decoder('stream').decode(raw(-1)))).toBe(missing)
    expect(outcome(decoder('stream', () => 7).decode(raw(-1)))).toBe(7)
    expect(outcome(decoder('stream').decode(raw(-2)))).toBe('MR_TIMESTAMP: the timestamp of the record is -2')
  })
  it('of the delete of a table is that of the log: there is no value to read it from', () => {
    expect(outcome(decoder('table', () => 7).decode(raw(5, null)))).toBe(5)
    expect(outcome(decoder('table', () => 7).decode(raw(-1, null)))).toMatch(/the record has no timestamp/)
  })
})
