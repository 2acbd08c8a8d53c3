import { codec, topic, type App } from 'millrace'
import { testContext } from 'millrace/testing'
import { batch } from '../../lib/operators/batch.js'
import { record } from '../support/fake-task.js'
import { atWork, workingTask } from '../support/working-task.js'

const lists = (out: readonly { readonly value: unknown }[]) =>
  out.map(({ value }) => (value as readonly { readonly value: string }[]).map((each) => each.value).join(''))
const records = (text: string) => [...text].map((value, i) => record('k', value, i))

describe('batch', () => {
  it('gives lists of the size asked for, and answers for a batch when all its lists are done', () => {
    const working = workingTask()
    const { send, out, answered } = atWork(batch({ size: 3, within: '1s' }), working)

    send('first', records('ab'))
    expect(answered).toEqual([])
    send('second', records('cdefg'))

    expect(lists(out)).toEqual(['abc', 'def'])
    expect(answered).toEqual(['first'])
    working.flush()
    expect(lists(out)).toEqual(['abc', 'def', 'g'])
    expect(answered).toEqual(['first', 'second'])
  })
  it('lets nothing wait longer than within, and nothing at all for a commit', async () => {
    const working = workingTask()
    const { send, out, answered } = atWork(batch({ size: 100, within: 50 }), working)

    send('first', records('a'))
    await working.advance(40)
    send('second', records('b'))
    expect(out).toEqual([])
    await working.advance(10)
    expect(lists(out)).toEqual(['ab'])
    working.state.isDraining = true
    send('third', records('c'))
    send('empty', [])

    expect(lists(out)).toEqual(['ab', 'c'])
    expect(answered).toEqual(['first', 'second', 'third', 'empty'])
  })
  it('refuses an odd size', () => {
    expect(() => batch({ size: 0, within: 1 })).toThrow(expect.objectContaining({ code: 'MR_CONFIG' }))
    expect(() => batch({ size: 1, within: -1 })).toThrow(expect.objectContaining({ code: 'MR_DURATION' }))
  })
  it('commits no offset before its list is done: a crash loses nothing', async () => {
    const texts = topic('texts', { key: codec.string, value: codec.string })
    const joined = topic('joined', { key: codec.string, value: codec.string })
    const define = (app: App) =>
      app
        .stream(texts)
        .batch({ size: 3, within: '1h' })
        .map((list) => list.map(({ value }) => value).join(''))
        .toTopic(joined)
    await using t = await testContext(define, { partitions: 1, commit: 'manual' })
    const send = async (text: string) => {
      for (const each of text) await t.app.send(texts, 'k', each)
    }
    await send('abcd')
    await t.crash()
    await send('e')
    await t.commit()

    expect(t.output(joined).values().join('')).toMatch(/d.*e$/)
  })
})
