import fc from 'fast-check'
import { filter } from '../../lib/operators/filter.js'
import { flatMap } from '../../lib/operators/flat-map.js'
import { map } from '../../lib/operators/map.js'
import { split } from '../../lib/operators/split.js'
import { Run, type RunStep } from '../../lib/runtime/kernel.js'
import { Outlet } from '../../lib/runtime/outlet.js'
import { Tap } from '../../lib/runtime/taps.js'
import type { AnyRec, Batch, PerRecord, Route, TaskContext, Verdict } from '../../lib/topology/operator.js'
import { record } from '../support/fake-task.js'
import { turn, workingTask } from '../support/working-task.js'

type Value = number | string

/** As the wiring does it. */
const stepOf =
  (task: TaskContext) =>
  (verb: PerRecord | Route): RunStep => {
    if (verb.kind === 'route') {
      const route = verb.open(task)
      return { label: verb.label, isUnfinished: route.isUnfinished, connect: (next) => (given) => route(given, next) }
    }
    const step = verb.open(task)
    return {
      label: verb.label,
      idle: step.idle,
      isUnfinished: step.isUnfinished,
      connect:
        ([next = () => undefined]) =>
        (given: AnyRec) =>
          step(given, next),
    }
  }

/** A run of verbs; what comes out of each branch is in `out`, and answered for at once. */
const opened = (
  verbs: readonly (PerRecord | Route)[],
  policy?: Parameters<typeof workingTask>[0],
  onIdle: TaskContext['onIdle'] = () => undefined,
) => {
  const working = workingTask(policy)
  Object.assign(working.task, { onIdle })
  const { begin, answered } = working.receipts
  const last = verbs[verbs.length - 1]
  const branches = last?.kind === 'route' ? last.branches : 1
  const out = Array.from({ length: branches }, (): Value[][] => [])
  const outlets = out.map((batches) => {
    const outlet = new Outlet(null)
    outlet.to(({ records, receipt }: Batch) => {
      batches.push(records.map(({ value }) => value as Value))
      receipt.done()
    })
    return outlet
  })
  const run = new Run(working.task, verbs.map(stepOf(working.task)), outlets)
  const guarded = working.standstill.guard((batch) => run.take(batch))
  const take = (name: string, ...values: readonly Value[]) =>
    guarded({ records: values.map((value) => record('k', value)), receipt: begin(name) })
  return { ...working, take, out, answered, values: () => out.map((batches) => batches.flat()) }
}

const refusing = (...refused: readonly Value[]) =>
  map<string, Value, Value>((value) => {
    if (refused.includes(value)) throw new Error('no')
    return value
  })
const twice = flatMap<string, Value, Value>((value) => [value, `${value}'`])

const dropping = (): Verdict => ({ _tag: 'drop' })

describe('a run', () => {
  it('is one loop of verbs: a batch goes in, one batch comes out, with its receipt', () => {
    const { take, out, answered } = opened([
      filter<string, number>((value) => value > 1),
      twice,
      map<string, string, string>((value) => `${value}!`),
    ])
    take('batch', 1, 2, 3)
    take('none of it', 0)

    expect(out).toEqual([[['2!', "2'!", '3!', "3'!"], []]])
    expect(answered).toEqual(['batch', 'none of it'])
  })

  it('that ends in a route gives one batch per branch, each with a part of the receipt', () => {
    const { take, out, answered } = opened([twice, split<string, Value>([(value) => typeof value === 'number'])])
    take('batch', 1, 2)

    expect(out).toEqual([[[1, 2]], [["1'", "2'"]]])
    expect(answered).toEqual(['batch'])
  })

  it('collects nothing for a branch that nobody hears, and answers for it', () => {
    const working = workingTask()
    const seen: unknown[] = []
    const tap = new Tap()
    const outlet = new Outlet(tap)
    const run = new Run(working.task, [stepOf(working.task)(twice)], [outlet])
    run.take({ records: [record('k', 1)], receipt: working.receipts.begin('unheard') })
    tap.add({ next: ({ value }: AnyRec) => void seen.push(value) } as unknown as Parameters<Tap['add']>[0])
    run.take({ records: [record('k', 2)], receipt: working.receipts.begin('heard') })

    expect(seen).toEqual([2, "2'"])
    expect(working.receipts.answered).toEqual(['unheard', 'heard'])
  })
})

/** Gives as many values as its record says, one in each turn, and throws before the one that is to fail. */
const counting = (failsAt: () => number = () => -1): PerRecord => ({
  kind: 'per-record',
  label: 'counting',
  writes: true,
  inPieces: true,
  open: () => {
    let next = 0
    const count = (to: number, emit: (given: AnyRec) => void): void => {
      if (next === failsAt()) throw new Error('no')
      emit(record('k', `${++next}/${to}`))
      if (next === to) next = 0
    }
    return Object.assign((given: AnyRec, emit: (given: AnyRec) => void) => count(given.value as number, emit), {
      idle: { afterMs: 10, move: (forMs: number, [emit = () => undefined]: readonly ((given: AnyRec) => void)[]) => count(forMs, emit) },
      isUnfinished: () => next > 0,
    })
  },
})

describe('a verb that works in pieces', () => {
  it('hands on what there is, piece by piece, and others have their turn in between', async () => {
    const { take, out } = opened([counting()])
    take('batch', 1, 3, 1)
    const seen = [out[0]?.length]
    for (let i = 0; i < 3; i++) {
      await turn()
      seen.push(out[0]?.length)
    }

    expect(seen).toEqual([1, 2, 3, 3])
    expect(out).toEqual([[['1/1', '1/3'], ['2/3'], ['3/3', '1/1']]])
  })

  it('answers for the batch with the last piece', async () => {
    const { take, answered } = opened([counting()])
    take('batch', 3)
    await turn()
    expect(answered).toEqual([])
    await turn()

    expect(answered).toEqual(['batch'])
  })

  it('has what comes meanwhile wait for its turn', async () => {
    const { take, values, answered } = opened([counting()])
    take('first', 2)
    take('second', 1)
    take('third', 2)
    for (let i = 0; i < 4; i++) await turn()

    expect(values()).toEqual([['1/2', '2/2', '1/1', '1/2', '2/2']])
    expect(answered).toEqual(['first', 'second', 'third'])
  })

  it('goes on where it failed, when it is tried again', async () => {
    let isDown = true
    const { take, values, answered, failures, advance } = opened([counting(() => (isDown ? 1 : -1))], () => ({
      _tag: 'retry',
      afterMs: 10,
    }))
    take('batch', 3)
    await turn()
    isDown = false
    await advance(10)
    for (let i = 0; i < 3; i++) await turn()

    expect(values()).toEqual([['1/3', '2/3', '3/3']])
    expect(failures).toEqual(['process counting 3 1 no'])
    expect(answered).toEqual(['batch'])
  })

  it('gives nothing more once its task is closed, and does not answer', async () => {
    const { take, values, answered, abort } = opened([counting()])
    take('batch', 3)
    abort()
    for (let i = 0; i < 3; i++) await turn()

    expect([values(), answered]).toEqual([[['1/3']], []])
  })

  it('does the same when the wall clock sets it off', async () => {
    const idle: ((forMs: number) => void)[] = []
    const { take, out, answered } = opened([counting()], undefined, (_, move) => void idle.push(move))
    idle[0]?.(3)
    take('batch', 1)
    for (let i = 0; i < 3; i++) await turn()

    expect(out).toEqual([[['1/3'], ['2/3'], ['3/3'], ['1/1']]])
    expect(answered).toEqual(['extra 1', 'batch'])
  })
})

describe('a failure in a run', () => {
  it('takes back all that its record had given, and nothing of the others', () => {
    const { take, values, answered, failures } = opened([twice, refusing("2'")], dropping)
    take('batch', 1, 2, 3)

    expect(values()).toEqual([[1, "1'", 3, "3'"]])
    expect(failures).toEqual(['process map 2 1 no'])
    expect(answered).toEqual(['batch'])
  })

  it('takes it back from every branch', () => {
    const { take, values } = opened(
      [
        twice,
        split<string, Value>([
          (value) => {
            if (value === "2'") throw new Error('no')
            return typeof value === 'number'
          },
        ]),
      ],
      dropping,
    )
    take('batch', 1, 2, 3)

    expect(values()).toEqual([
      [1, 3],
      ["1'", "3'"],
    ])
  })

  it('names the verb that threw, also one that had given something before', () => {
    const late = flatMap<string, number, number>(function* (value) {
      yield value
      throw new Error('no')
    })
    const { take, failures } = opened([late, map((value: number) => value)], dropping)
    take('batch', 1)

    expect(failures).toEqual(['process flatMap 1 1 no'])
  })

  it('leaves the batch unanswered, and gives nothing of it, when the app is to stop', () => {
    const { take, values, answered } = opened([refusing(2)], () => ({ _tag: 'stop' }))
    take('batch', 1, 2, 3)

    expect([values(), answered]).toEqual([[[]], []])
  })

  it('lets nothing more pass once the app is to stop', () => {
    const { take, values, answered } = opened([refusing(2)], () => ({ _tag: 'stop' }))
    take('first', 1, 2)
    take('second', 3)

    expect([values(), answered]).toEqual([[[]], []])
  })

  it('is tried again in place: what comes meanwhile waits, and the order stays', async () => {
    let isDown = true
    const flaky = map<string, Value, Value>((value) => {
      if (value === 2 && isDown) throw new Error('no')
      return value
    })
    const { take, out, answered, failures, advance } = opened([twice, flaky], () => ({ _tag: 'retry', afterMs: 100 }))
    take('first', 1, 2, 3)
    take('second', 4)
    await advance(100)
    expect([out, answered]).toEqual([[[]], []])
    isDown = false
    await advance(100)

    expect(out).toEqual([[[1, "1'", 2, "2'", 3, "3'"], [4, "4'"]]]) // prettier-ignore
    expect(answered).toEqual(['first', 'second'])
    expect(failures).toEqual(['process map 2 1 no', 'process map 2 2 no'])
  })

  it('counts the attempts of each record by itself', async () => {
    const { take, failures, advance } = opened([refusing(1, 2)], ({ attempt }): Verdict =>
      attempt < 2 ? { _tag: 'retry', afterMs: 10 } : { _tag: 'drop' },
    )
    take('batch', 1, 2)
    await advance(100)

    expect(failures).toEqual(['process map 1 1 no', 'process map 1 2 no', 'process map 2 1 no', 'process map 2 2 no'])
  })

  it('is not tried again once the task is closed', async () => {
    const { take, failures, advance, abort } = opened([refusing(1)], () => ({ _tag: 'retry', afterMs: 100 }))
    take('batch', 1)
    abort()
    await advance(1000)

    expect(failures).toHaveLength(1)
  })

  it('loses and reorders nothing else, whatever fails, and however often it is tried again', async () => {
    const record = fc.record({ failures: fc.integer({ min: 0, max: 3 }), copies: fc.integer({ min: 0, max: 3 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(record, { maxLength: 5 }), { maxLength: 6 }), async (batches) => {
        const plan = new Map<string, { failures: number; copies: number; left: number }>(
          batches.flatMap((batch, b) => batch.map((one, i) => [`${b}.${i}`, { ...one, left: one.failures }] as const)),
        )
        const copy = flatMap<string, string, string>((value) =>
          Array.from({ length: plan.get(value)?.copies ?? 0 }, (_, i) => `${value}.${i}`),
        )
        const fail = map<string, string, string>((value) => {
          const one = plan.get(value.slice(0, value.lastIndexOf('.')))
          if (one === undefined || !value.endsWith(`.${one.copies - 1}`) || one.left === 0) return value
          one.left--
          throw new Error('no')
        })
        // Two retries: what fails a third time is dropped.
        const { take, values, answered, advance } = opened([copy, fail], ({ attempt }): Verdict =>
          attempt <= 2 ? { _tag: 'retry', afterMs: 10 } : { _tag: 'drop' },
        )
        batches.forEach((batch, b) => take(String(b), ...batch.map((_, i) => `${b}.${i}`)))
        await advance(1000)

        const expected = [...plan].flatMap(([value, one]) =>
          one.failures > 2 ? [] : Array.from({ length: one.copies }, (_, i) => `${value}.${i}`),
        )
        expect(values()).toEqual([expected])
        expect(answered).toEqual(batches.map((_, b) => String(b)))
      }),
      { numRuns: 50 },
    )
  })
})
