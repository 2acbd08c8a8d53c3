import { bench, type BenchCase, type Measure } from '../../benchmarks/harness.js'

describe('bench', () => {
  it('runs the cases in turn, leaves the warm-up out, and pairs the ratio round by round', async () => {
    const ran: string[] = []
    const lines: string[] = []
    const aCase = (name: string): BenchCase => ({ name, records: 100, run: () => void ran.push(name) })
    // seconds of: the warm-up of a and b, then a b a b a b
    const seconds = [9, 9, 1, 2, 2, 2, 1, 4]
    const measure: Measure = async (run) => {
      await run()
      return { seconds: seconds[ran.length - 1] ?? NaN, cpuUs: 500, rssMb: 10 + ran.length }
    }

    await bench('pace', [aCase('a'), aCase('b')], {
      rounds: 3,
      warmUp: 1,
      ratios: [{ of: 'a', to: 'b' }],
      measure,
      print: (line) => lines.push(line),
    })

    expect(ran.join(' ')).toBe('a b a b a b a b')
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      { bench: 'pace', case: 'a', records: 100, recordsPerSecond: { median: 100, min: 50, max: 100 }, cpuUsPerRecord: 5, rssMb: 17 },
      { bench: 'pace', case: 'b', records: 100, recordsPerSecond: { median: 50, min: 25, max: 50 }, cpuUsPerRecord: 5, rssMb: 18 },
      { bench: 'pace', ratio: 'a / b', of: 'a', to: 'b', median: 2, min: 1, max: 4 },
    ])
  })

  it('refuses a ratio of a case that is not there', async () => {
    const run = bench('pace', [{ name: 'a', records: 1, run: () => undefined }], {
      rounds: 1,
      warmUp: 0,
      ratios: [{ of: 'a', to: 'b' }],
      print: () => undefined,
    })

    await expect(run).rejects.toThrow('no case named b')
  })
})
