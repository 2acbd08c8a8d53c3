import { createCounters } from '../../lib/core/telemetry.js'

describe('createCounters', () => {
  it('counts what is left out by operator and reason', () => {
    const counters = createCounters()
    counters.drop('count', 'null-key')
    counters.drop('join', 'null-key')
    counters.drop('count', 'null-value')
    counters.drop('count', 'null-key')
    expect(counters.snapshot().dropped).toEqual([
      { operator: 'count', reason: 'null-key', count: 2 },
      { operator: 'count', reason: 'null-value', count: 1 },
      { operator: 'join', reason: 'null-key', count: 1 },
    ])
  })
  it('gives snapshots that later events do not change', () => {
    const counters = createCounters()
    counters.recordsIn += 3
    counters.failures.decode += 1
    const before = counters.snapshot()
    counters.recordsIn += 1
    counters.failures.decode += 1
    counters.troubles.silence += 1
    counters.drop('count', 'late')
    expect(before).toEqual({
      recordsIn: 3,
      recordsOut: 0,
      deadLetters: 0,
      commits: 0,
      rebalances: 0,
      troubles: { connection: 0, silence: 0, throttle: 0, leader: 0, coordinator: 0, crash: 0, outOfRange: 0 },
      failures: { decode: 1, process: 0, produce: 0, sink: 0 },
      dropped: [],
    })
  })
})
