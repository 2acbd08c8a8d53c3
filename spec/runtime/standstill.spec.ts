import fc from 'fast-check'
import { Standstill } from '../../lib/runtime/standstill.js'
import type { Batch, Release } from '../../lib/topology/operator.js'
import { countedReceipts } from '../support/working-task.js'

const batch: Batch = { records: [], receipt: countedReceipts().begin('of nothing') }

/** A way from one verb to those below it; a slow one stops until it is told to go on. */
interface Verb {
  readonly name: string
  readonly isSlow: boolean
  readonly below: readonly Verb[]
}

/** What verbs that call one another do, in order. Who is slow waits in `stopped` until `goOn`. */
const opened = () => {
  const standstill = new Standstill()
  const did: string[] = []
  const stopped: (() => void)[] = []
  const wayInto = ({ name, isSlow, below }: Verb): ((given: Batch) => void) => {
    const ways = below.map(wayInto)
    const giveAll = () => {
      for (const way of ways) way(batch)
    }
    return standstill.guard(() => {
      did.push(name)
      if (!isSlow) return giveAll()
      const release = standstill.begin()
      stopped.push(() => release(giveAll))
    })
  }
  return { standstill, did, wayInto, stopped }
}

const verb = (name: string, isSlow: boolean, ...below: readonly Verb[]): Verb => ({ name, isSlow, below })
const { tree } = fc.letrec<{ tree: Verb; leaf: Verb }>((tie) => ({
  leaf: fc.record({ name: fc.string({ minLength: 1, maxLength: 3 }), isSlow: fc.boolean(), below: fc.constant([]) }),
  tree: fc.oneof(
    { maxDepth: 5 },
    tie('leaf'),
    fc.record({ name: fc.string({ minLength: 1, maxLength: 3 }), isSlow: fc.boolean(), below: fc.array(tie('tree'), { maxLength: 4 }) }),
  ),
}))

describe('a standstill', () => {
  it('has what comes after it wait, from the inside out', () => {
    const { did, stopped, wayInto } = opened()
    const plan = verb('a', false, verb('b', false, verb('slow', true, verb('below', false)), verb('c', false)), verb('d', false))
    wayInto(plan)(batch)
    expect(did).toEqual(['a', 'b', 'slow'])
    stopped.shift()?.()

    expect(did).toEqual(['a', 'b', 'slow', 'below', 'c', 'd'])
  })

  it('that ends in another one is as long as both', () => {
    const { did, stopped, wayInto } = opened()
    const plan = verb('a', false, verb('slow', true, verb('too', true, verb('below', false)), verb('b', false)), verb('c', false))
    wayInto(plan)(batch)
    stopped.shift()?.()
    expect(did).toEqual(['a', 'slow', 'too'])
    stopped.shift()?.()

    expect(did).toEqual(['a', 'slow', 'too', 'below', 'b', 'c'])
  })

  it('is as if it took no time: everything comes in the order in which it would have come', () => {
    const inOrder = ({ name, below }: Verb): readonly string[] => [name, ...below.flatMap(inOrder)]
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 4 }), (plans) => {
        const { did, stopped, wayInto } = opened()
        for (const plan of plans) wayInto(plan)(batch)
        for (let next = stopped.shift(); next !== undefined; next = stopped.shift()) next()
        expect(did).toEqual(plans.flatMap(inOrder))
      }),
    )
  })

  it('has what asks for its turn wait for it', () => {
    const { did, stopped, standstill, wayInto } = opened()
    const note = (what: string) => standstill.whenOver(() => void did.push(what))
    note('before')
    wayInto(verb('slow', true, verb('below', false)))(batch)
    note('after')
    stopped.shift()?.()

    expect(did).toEqual(['before', 'slow', 'below', 'after'])
  })

  it('that does not end lets nothing come any more, of whoever stood still either', () => {
    const { did, stopped, standstill, wayInto } = opened()
    wayInto(verb('slow', true, verb('below', false)))(batch)
    standstill.end()
    stopped.shift()?.()
    wayInto(verb('next', false))(batch)

    expect(did).toEqual(['slow'])
  })

  it('can be released at once', () => {
    const standstill = new Standstill()
    const release: Release = standstill.begin()
    const did: string[] = []
    release(() => void did.push('at once'))
    standstill.whenOver(() => void did.push('next'))

    expect(did).toEqual(['at once', 'next'])
  })
})
