import { cpuUsage, memoryUsage, stdout } from 'node:process'
import { performance } from 'node:perf_hooks'

/** One way of doing the work. Only `run` is measured. */
export interface BenchCase {
  readonly name: string
  /** How many records one `run` takes. */
  readonly records: number
  readonly before?: () => Promise<void> | void
  readonly run: () => Promise<void> | void
  readonly after?: () => Promise<void> | void
}

export interface BenchOptions {
  /** Measured rounds; each runs every case once, in turn, so that what slows the machine down slows all of them. Default 5. */
  readonly rounds?: number
  /** Unmeasured rounds before them. Default 1. */
  readonly warmUp?: number
  /** Pairs of case names: how many times as many records per second `of` takes as `to`, round by round. */
  readonly ratios?: readonly { readonly of: string; readonly to: string }[]
  readonly print?: (line: string) => void
  readonly measure?: Measure
}

/** What one run cost. */
export interface Sample {
  readonly seconds: number
  readonly cpuUs: number
  readonly rssMb: number
}
export type Measure = (run: () => Promise<void> | void) => Promise<Sample>

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Runs the cases in turn and prints one JSON line per case, then one per ratio. */
export const bench = async (name: string, cases: readonly BenchCase[], options: BenchOptions = {}): Promise<void> => {
  const { rounds = 5, warmUp = 1, ratios = [], print = printLine, measure = measureRun } = options
  const samples = new Map<string, Sample[]>(cases.map((one) => [one.name, []]))
  for (let round = -warmUp; round < rounds; round++) {
    for (const one of cases) {
      await one.before?.()
      globalThis.gc?.()
      const sample = await measure(one.run)
      await one.after?.()
      if (round >= 0) samples.get(one.name)?.push(sample)
    }
  }
  const speeds = new Map(cases.map((one) => [one.name, (samples.get(one.name) ?? []).map((sample) => one.records / sample.seconds)]))
  for (const one of cases) print(JSON.stringify(caseLine(name, one, samples.get(one.name) ?? [])))
  for (const { of, to } of ratios) print(JSON.stringify({ bench: name, ratio: `${of} / ${to}`, of, to, ...ratioOf(speeds, of, to) }))
}

const caseLine = (name: string, one: BenchCase, samples: readonly Sample[]): object => ({
  bench: name,
  case: one.name,
  records: one.records,
  recordsPerSecond: spreadOf(
    samples.map((sample) => one.records / sample.seconds),
    0,
  ),
  cpuUsPerRecord: spreadOf(
    samples.map((sample) => sample.cpuUs / one.records),
    3,
  ).median,
  rssMb: spreadOf(
    samples.map((sample) => sample.rssMb),
    0,
  ).max,
})

const ratioOf = (speeds: ReadonlyMap<string, readonly number[]>, of: string, to: string): Spread => {
  const [upper, lower] = [speeds.get(of), speeds.get(to)]
  if (upper === undefined || lower === undefined) throw new Error(`no case named ${upper === undefined ? of : to}`)
  return spreadOf(
    upper.map((speed, round) => speed / (lower[round] ?? NaN)),
    3,
  )
}

const spreadOf = (numbers: readonly number[], digits: number): Spread => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const at = (index: number): number => sorted[index] ?? NaN
  const rounded = (n: number): number => Number(n.toFixed(digits))
  return { median: rounded((at(Math.floor(middle)) + at(Math.ceil(middle))) / 2), min: rounded(at(0)), max: rounded(at(sorted.length - 1)) }
}

const printLine = (line: string): void => {
  stdout.write(`${line}\n`)
}

const mb = 1024 * 1024

/** CPU of the whole process, all threads; the largest resident set seen while it ran, or at its end when it never yields. */
const measureRun: Measure = async (run) => {
  let rss = memoryUsage.rss()
  const watch = setInterval(() => (rss = Math.max(rss, memoryUsage.rss())), 20)
  const cpuBefore = cpuUsage()
  const startedAt = performance.now()
  try {
    await run()
    const seconds = (performance.now() - startedAt) / 1000
    const cpu = cpuUsage(cpuBefore)
    return { seconds, cpuUs: cpu.user + cpu.system, rssMb: Math.max(rss, memoryUsage.rss()) / mb }
  } finally {
    clearInterval(watch)
  }
}
