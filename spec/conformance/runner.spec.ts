import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge, readCases } from './cases.js'

const count = {
  case: 'a count',
  config: { op: 'windowed-aggregate', window: { type: 'time', sizeMs: 10, graceMs: 0 }, agg: { kind: 'count' } },
  input: [['in', 'a', 'x', 1]],
  expected: [[{ key: 'a', start: 0, end: 10 }, 1, 1]],
  expected_after: [0],
  compare: 'ordered',
  notes: '',
}
const joins = { op: 'kstream-kstream-join', join: 'left', beforeMs: 5, afterMs: 5, graceMs: 5, joiner: '{l}+{r}' }

describe('the conformance runner', () => {
  it('passes what agrees, whatever the order of the fields of a windowed key', async () => {
    expect(await judge(count)).toEqual({ outcome: 'passed', difference: '', rules: [] })
    expect(await judge({ ...count, expected: [[{ end: 10, start: 0, key: 'a' }, 1, 1]] })).toMatchObject({ outcome: 'passed' })
  })

  it('fails what differs, with expected and actual in one line', async () => {
    expect(await judge({ ...count, expected: [[{ key: 'a', start: 0, end: 10 }, 2, 1]] })).toEqual({
      outcome: 'failed',
      difference: 'expected, after input 0: expected [[{"key":"a","start":0,"end":10},2,1]], actual [[{"key":"a","start":0,"end":10},1,1]]',
      rules: [],
    })
  })

  it('compares results of which nobody recorded after which input they came', async () => {
    const { expected_after: _after, ...given } = count
    expect(await judge(given)).toMatchObject({ outcome: 'passed' })
    expect(await judge({ ...given, expected: [] })).toMatchObject({ outcome: 'failed' })
  })

  it.each([
    ['an op', { ...count, config: { op: 'teleport' } }, /^the runner knows no op "teleport"/],
    [
      'a word of the config',
      { ...count, config: { ...count.config, retries: 3 }, expected: [], expected_after: [] },
      /its config says retries/,
    ],
    ['an aggregate', { ...count, config: { ...count.config, agg: { kind: 'median' } } }, /no agg.kind "median"/],
    ['a window', { ...count, config: { ...count.config, window: { type: 'lunar' } } }, /no window "lunar"/],
    ['a way to compare', { ...count, compare: 'roughly' }, /^it compares roughly/],
    [
      'an input',
      {
        ...count,
        input: [
          ['in', 'a', 'x', 1],
          ['out', 'a', 'x', 1],
        ],
      },
      /no input out, only in/,
    ],
    ['an output', { ...count, expected_late: [] }, /no output expected_late, only expected/],
    ['a case', { case: 'empty' }, /^its config is no object/],
  ])('fails a case with %s that it does not know, and says so', async (_what, given, message) => {
    const { outcome, difference } = await judge(given)
    expect(outcome).toBe('failed')
    expect(difference).toMatch(message)
    expect(difference).not.toContain('\n')
  })

  it('counts a file that holds no cases as one that fails, and reads the others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
    try {
      writeFileSync(join(folder, 'a.json'), '{"cases": [')
      writeFileSync(join(folder, 'b.json'), JSON.stringify({ family: 'counts', cases: [count] }))
      writeFileSync(join(folder, 'notes.txt'), 'no cases')
      const cases = readCases(folder)

      expect(cases.map(({ name }) => name)).toEqual(['a.json', 'counts: a count'])
      expect(await judge(cases[0]?.given)).toMatchObject({
        outcome: 'failed',
        difference: expect.stringMatching(/^the file cannot be read/),
      })
      expect(await judge(cases[1]?.given)).toMatchObject({ outcome: 'passed' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('takes what a full buffer would refuse as the end of the case', async () => {
    const suppress = { until: 'time-limit', timeLimitMs: 100, buffer: { maxRecords: 1, whenFull: 'shutDown' } }
    const given = {
      case: 'full',
      config: { op: 'ktable-groupby-aggregate', groupBy: 'identity', count: true, suppress },
      input: [
        ['in', 'a', 'x', 0],
        ['in', 'b', 'x', 1],
        ['in', 'c', 'x', 200],
      ],
      expected: [],
      expected_after: [],
    }
    expect(await judge(given)).toMatchObject({ outcome: 'passed' })
  })
})

describe('a deviation', () => {
  const expected = [['a', 'L+null', 0]]
  it('excuses an unmatched record that theirs gave at once because it was out of order', async () => {
    const given = {
      case: 'out of order',
      config: joins,
      input: [
        ['right', 'b', 'r', 8],
        ['left', 'a', 'L', 0],
      ],
      expected,
      expected_after: [1],
    }
    expect(await judge(given)).toMatchObject({ outcome: 'declared', rules: [expect.stringMatching(/^an unmatched record/)] })
  })

  it('excuses none that was in order, nor a pair that is missing', async () => {
    const inOrder = { case: 'in order', config: joins, input: [['left', 'a', 'L', 0]], expected, expected_after: [0] }
    const input = [
      ['right', 'a', 'r', 8],
      ['left', 'a', 'L', 5],
    ]
    const pair = { case: 'a pair', config: joins, input, expected: [['a', 'L+s', 8]], expected_after: [1] }

    expect(await judge(inOrder)).toMatchObject({ outcome: 'failed' })
    expect(await judge(pair)).toMatchObject({ outcome: 'failed' })
  })

  it('excuses a count with null values only if it is theirs', async () => {
    const nulls = {
      ...count,
      input: [
        ['in', 'a', 'x', 1],
        ['in', 'a', null, 2],
      ],
      expected_after: [0, 1],
    }
    const results = (second: number) => [
      [{ key: 'a', start: 0, end: 10 }, 1, 1],
      [{ key: 'a', start: 0, end: 10 }, second, 2],
    ]

    expect(await judge({ ...nulls, expected: results(2) })).toMatchObject({ outcome: 'declared' })
    expect(await judge({ ...nulls, expected: results(3) })).toMatchObject({ outcome: 'failed' })
  })

  it('excuses deletes of rows that never were, and no other', async () => {
    const table = { case: 'a delete', config: { op: 'ktable-ktable-join', join: 'inner', joiner: '{l}+{r}' } }
    const input = [
      ['left', 'a', 'L', 0],
      ['right', 'a', 'R', 1],
      ['left', 'b', null, 2],
      ['left', 'a', null, 3],
    ]
    const results = [
      ['a', 'L+R', 1],
      ['b', null, 2],
      ['a', null, 3],
    ]

    expect(await judge({ ...table, input, expected: results, expected_after: [1, 2, 3] })).toMatchObject({ outcome: 'declared' })
    expect(await judge({ ...table, input, expected: results.slice(0, 2), expected_after: [1, 2] })).toMatchObject({ outcome: 'failed' })
  })
})
