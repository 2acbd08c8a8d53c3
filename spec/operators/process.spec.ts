import fc from 'fast-check'
import { codec, policy, topic, type App } from 'millrace'
import { testContext, type TestContext } from 'millrace/testing'
import { processWith } from '../../lib/operators/process-batches.js'
import { timersOf } from '../../lib/operators/process.js'
import { record } from '../support/fake-task.js'
import { atWork, workingTask } from '../support/working-task.js'

const nullable = codec.nullable(codec.string)
const texts = topic('texts', { key: nullable, value: nullable })
const out = topic('out', { key: nullable, value: codec.string })
const results = (t: TestContext) =>
  t
    .output(out)
    .read()
    .map(({ key, value, timestamp }) => [key, value, timestamp])

/** 'event 50 name' sets a timer, 'cancel name' cancels one, anything else is counted. */
const commanded = (app: App) =>
  app
    .stream(texts)
    .process({
      name: 'commanded',
      stores: { counts: { value: codec.number } },
      emits: codec.string,
      onRecord(value, { key }, context) {
        const [what, at, name] = String(value).split(' ')
        if (what === 'event' || what === 'wall') return context.setTimer(Number(at), { clock: what, name })
        if (what === 'cancel') return context.cancelTimer({ name: at })
        const counts = context.store('counts')
        counts.set(key, (counts.get(key) ?? 0) + 1)
        if (what === 'throw') throw new Error('thrown')
      },
      onTimer(key, { name, at, clock }, context) {
        context.emit(`${clock} ${name} ${at}: ${context.store('counts').get(key) ?? 0}`)
        if (name === 'repeat') context.setTimer(at + 10, { name, clock })
        if (name === 'bad') throw new Error('bad timer')
      },
    })
    .toTopic(out)

describe('process', () => {
  it('emits with the key of the record, and its time and headers unless told otherwise', async () => {
    const define = (app: App) =>
      app
        .stream(texts)
        .process({
          name: 'twice',
          emits: codec.string,
          onRecord(value, { key }, context) {
            context.emit(`${key}${value}${context.streamTime}`)
            context.emit('told', { timestamp: 7, headers: { trace: 'new' } })
          },
        })
        .toTopic(out)
    await using t = await testContext(define, { partitions: 1 })
    await t.input(texts).send('k', 'v', 5, { trace: 'old' })
    await t.input(texts).send(null, null, 3)

    const found = t.output(out).read()
    expect(found.map(({ key, value, timestamp, headers }) => [key, value, timestamp, headers.text('trace')])).toEqual([
      ['k', 'kv5', 5, 'old'],
      ['k', 'told', 7, 'new'],
      [null, 'nullnull5', 3, undefined],
      [null, 'told', 7, 'new'],
    ])
  })
  it('fires event timers when stream time reaches them, in order of time, key and name, before the record is taken', async () => {
    await using t = await testContext(commanded, { partitions: 1 })
    const send = (key: string, value: string, at: number) => t.input(texts).send(key, value, at)
    await send('b', 'event 20 x', 0)
    await send('a', 'event 20 y', 1)
    await send('a', 'event 20 x', 2)
    await send('a', 'event 10 z', 3)
    await send('a', 'event 15 moved', 4)
    await send('a', 'event 99 moved', 5)
    await send('b', 'event 12 gone', 6)
    await send('b', 'cancel gone', 7)
    await send('a', 'count', 19)
    expect(results(t)).toEqual([['a', 'event z 10: 0', 10]])
    await send('a', 'count', 20)

    expect(results(t)).toEqual([
      ['a', 'event x 20: 1', 20],
      ['a', 'event y 20: 1', 20],
      ['b', 'event x 20: 0', 20],
    ])
  })
  it('fires at once a timer that is due already, and each of a row that a jump of time has passed', async () => {
    await using t = await testContext(commanded, { partitions: 1 })
    await t.input(texts).send('k', 'event 5 late', 10)
    await t.input(texts).send('k', 'event 20 repeat', 11)
    await t.input(texts).send('k', 'count', 45)

    expect(results(t).map(([, value]) => value)).toEqual([
      'event late 5: 0',
      'event repeat 20: 0',
      'event repeat 30: 0',
      'event repeat 40: 0',
    ])
  })
  it('fires wall timers by the clock, between records', async () => {
    await using t = await testContext(commanded, { partitions: 2, now: 1000 })
    await t.input(texts).send('k', 'wall 1500 w', 0)
    await t.input(texts).send('k', 'wall 1200 v', 0)
    await t.advance(400)
    expect(results(t)).toEqual([['k', 'wall v 1200: 0', 1200]])
    await t.restart()
    await t.advance(100)
    expect(results(t)).toEqual([['k', 'wall w 1500: 0', 1500]])
    await t.advance('10s')
    expect(results(t)).toEqual([])
  })
  it('takes back what a call has written when it throws, timers too', async () => {
    await using t = await testContext(commanded, { partitions: 1, onError: policy.skip })
    const send = (value: string, at: number) => t.input(texts).send('k', value, at)
    await send('count', 1)
    await send('event 10 x', 2)
    await send('throw', 50)
    await send('event 20 x', 3)
    await send('count', 20)

    expect(results(t)).toEqual([['k', 'event x 20: 1', 20]])
  })
  it('puts a timer that throws to the policy, and goes on without it', async () => {
    const dead = topic('dead', { key: nullable, value: nullable })
    await using t = await testContext(commanded, { partitions: 1, now: 0, onError: policy.retry({ times: 2 }, policy.deadLetter('dead')) })
    await t.input(texts).send('k', 'event 10 bad', 1)
    await t.input(texts).send('w', 'wall 10 bad', 1)
    await t.input(texts).send('k', 'event 10 good', 2)
    await t.input(texts).send('k', 'count', 10)
    await t.advance(1000)

    expect(results(t).map(([, value]) => value)).toEqual(['event good 10: 0'])
    expect(
      t
        .output(dead)
        .read()
        .map(({ key }) => key),
    ).toEqual(['k', 'w'])
  })
  type Next = readonly (readonly [name: string, at: number])[]
  it.each<readonly [string, (at: number, name: string) => Next, RegExp]>([
    [
      'itself for the time it had',
      (at) => [['loop', at]],
      /MR_TIMER_LOOP: .* timer loop of processor looping was set for 5 by its own call, not later/,
    ],
    ['one another', (at, name) => [[name === 'loop' ? 'other' : 'loop', at]], /by a timer that was due, 100000 times in a row/],
    ['itself step by step', (at) => [['loop', at + 1]], /by a timer that was due, 100000 times in a row/],
  ])(
    'refuses a timer that sets %s for ever',
    async (_what, next, message) => {
      const looping = (app: App) =>
        app.stream(texts).process({
          name: 'looping',
          onRecord(_value, { timestamp }, context) {
            context.setTimer(Math.min(5, timestamp), { name: 'loop' })
          },
          onTimer(_key, { name, at }, context) {
            for (const [other, then] of next(at, name)) context.setTimer(then, { name: other })
          },
        })
      await using t = await testContext(looping, { partitions: 1 })

      await expect(t.input(texts).send('k', 'x', 10_000_000)).rejects.toThrow(message)
    },
    60_000,
  )

  it('lets a timer set itself again and again, over a jump of time, too', async () => {
    await using t = await testContext(commanded, { partitions: 1 })
    await t.input(texts).send('k', 'event 10 repeat', 0)
    await t.input(texts).send('k', 'x', 20_000)
    expect(t.output(out).values()).toHaveLength(2_000)
    await t.input(texts).send('k', 'x', 40_000)

    expect(t.output(out).values()).toHaveLength(2_000)
  }, 30_000)

  it('drops null keys and null values when it keeps something, and refuses what it was not given', async () => {
    await using t = await testContext(commanded, { partitions: 1 })
    await t.input(texts).send(null, 'count', 1)
    await t.input(texts).send('k', null, 1)
    expect(results(t)).toEqual([])

    const failing = (stores: object) => async () => {
      const define = (app: App) =>
        app.stream(texts).process({ name: 'p', ...stores, onRecord: (_value, _meta, context) => context.setTimer(1) })
      await using broken = await testContext(define, { partitions: 1 })
      await broken.input(texts).send('k', 'v', 1)
    }
    await expect(failing({})()).rejects.toMatchObject({ code: 'MR_CONFIG' })
    await expect(failing({ stores: { a: {} } })()).rejects.toMatchObject({ code: 'MR_CONFIG' })
    await expect(failing({ stores: { timers: {} } })()).rejects.toMatchObject({ code: 'MR_CONFIG' })
  })
  it('reads a range of a store, and takes back deletes', async () => {
    const define = (app: App) =>
      app
        .stream(texts)
        .process({
          name: 'ranged',
          stores: { rows: { value: codec.string, name: 'my-rows' } },
          emits: codec.string,
          onRecord(value, { key }, context) {
            const rows = context.store('rows')
            if (value === 'delete' || value === 'undo') rows.delete(key)
            else if (value !== 'list') rows.set(key, String(value))
            if (value === 'undo') throw new Error('undo')
            if (value === 'list') context.emit([...rows.entries({ from: 'b', to: 'd' })].map(([k, v]) => `${k}=${v}`).join())
          },
        })
        .toTopic(out)
    await using t = await testContext(define, { partitions: 1, onError: policy.skip })
    for (const key of ['a', 'b', 'c', 'd']) await t.input(texts).send(key, `v${key}`, 1)
    await t.loseDisk()
    await t.input(texts).send('c', 'undo', 1)
    await t.input(texts).send('x', 'list', 1)
    await t.input(texts).send('c', 'delete', 1)
    await t.input(texts).send('x', 'list', 1)

    expect(results(t).map(([, value]) => value)).toEqual(['b=vb,c=vc', 'b=vb'])
  })
})

describe('timers of random histories', () => {
  interface Sent {
    readonly key: string
    readonly name: string
    readonly time: number
    readonly ahead: number
  }
  const history = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b'),
      name: fc.constantFrom('x', 'y'),
      time: fc.nat(20),
      ahead: fc.integer({ min: -5, max: 40 }),
    }),
    { minLength: 5, maxLength: 40 },
  )
  const events = fc.array(fc.constantFrom('restart', 'crash', 'loseDisk', 'none', 'none', 'none', 'none', 'none'), {
    minLength: 40,
    maxLength: 40,
  })

  /** Each record sets a timer of its key and name, `ahead` of its time. */
  const reference = (sent: readonly Sent[]): readonly (readonly unknown[])[] => {
    const pending = new Map<string, readonly [at: number, key: string, name: string]>()
    let streamTime = -1
    const fire = () => {
      const due = [...pending.values()].filter(([at]) => at <= streamTime)
      due.sort(([a, k, n], [b, l, m]) => a - b || (k + n < l + m ? -1 : 1))
      for (const [, key, name] of due) pending.delete(key + name)
      return due.map(([at, key, name]) => [key, `event ${name} ${at}: 0`, at])
    }
    return sent.map(({ key, name, time, ahead }) => {
      streamTime = Math.max(streamTime, time)
      const before = fire()
      pending.set(key + name, [Math.max(0, time + ahead), key, name])
      return [...before, ...fire()]
    })
  }

  it('fire as in a slow and obvious reference, over restarts, crashes and lost disks', async () => {
    await fc.assert(
      fc.asyncProperty(history, events, async (given, happens) => {
        const sent = given.map((each, i) => ({ ...each, time: each.time + i * 3 }))
        const expected = reference(sent)
        await using t = await testContext(commanded, { partitions: 1 })
        for (const [i, { key, name, time, ahead }] of sent.entries()) {
          const what = happens[i]
          if (what === 'restart' || what === 'crash' || what === 'loseDisk') await t[what]()
          await t.input(texts).send(key, `event ${Math.max(0, time + ahead)} ${name}`, time)
          expect(results(t)).toEqual(expected[i])
        }
      }),
      { numRuns: 60, seed: 20261124 },
    )
  }, 120_000)
})

describe('a processor at work', () => {
  const opened = () => {
    const working = workingTask()
    const onRecord = (value: string, _: unknown, context: { emit(value: string): void }): void => {
      if (value === 'bad') throw new Error('no')
      context.emit(value)
    }
    const verb = processWith({ processor: { name: 'p', onRecord }, keys: codec.string, stores: new Map(), timers: timersOf('p') })
    return atWork(verb, working)
  }

  it('tries a wall timer again after its backoff, also when it was due while a record was tried again', async () => {
    const attempts: string[] = []
    let isDown = true
    const working = workingTask(({ record: { value } }) => {
      attempts.push(`${value === null ? 'timer' : 'record'} at ${working.clock.now()}`)
      return { _tag: 'retry', afterMs: 100 }
    })
    const processor = {
      name: 'p',
      onRecord(value: string, _: unknown, context: { setTimer(at: number, options: { clock: 'wall' }): void }): void {
        if (value === 'set') return context.setTimer(50, { clock: 'wall' })
        if (!isDown) return
        isDown = false
        throw new Error('no')
      },
      onTimer(): never {
        throw new Error('no')
      },
    }
    const { send } = atWork(processWith({ processor, keys: codec.string, stores: new Map(), timers: timersOf('p') }), working)
    send('first', [record('k', 'set')])
    send('second', [record('k', 'bad')])
    await working.advance(350)

    expect(attempts).toEqual(['record at 0', 'timer at 100', 'timer at 200', 'timer at 300'])
  })

  it('does not answer for a batch whose last record fails the app, so that it is read again', () => {
    const { send, out, answered } = opened()
    send('batch', [record('k', 'good'), record('k', 'bad')])
    send('next', [record('k', 'good')])

    expect([out, answered]).toEqual([[], []])
  })
})
