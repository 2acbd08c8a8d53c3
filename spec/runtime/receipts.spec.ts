import fc from 'fast-check'
import { Frontier, Ledger } from '../../lib/runtime/receipts.js'

const size = { records: 10, bytes: 100 }
const opened = (start = 0) => {
  const broken: string[] = []
  let settled = 0
  const ledger = new Ledger(
    () => settled++,
    (error) => broken.push(error.message),
  )
  return { ledger, frontier: new Frontier(start), broken, settled: () => settled }
}

describe('a receipt', () => {
  it('is answered when all its parts are', () => {
    const { ledger, frontier } = opened()
    const receipt = ledger.begin(frontier, 10, size)
    receipt.hold(2)

    receipt.done()
    receipt.done()
    expect([frontier.offset, ledger.heldRecords, ledger.heldBytes, ledger.isDrained]).toEqual([0, 10, 100, false])
    receipt.done()
    expect([frontier.offset, ledger.heldRecords, ledger.heldBytes, ledger.isDrained]).toEqual([10, 0, 0, true])
  })

  it('breaks the law when it is answered twice, or split afterwards, and says so', () => {
    const { ledger, frontier, broken } = opened()
    const receipt = ledger.begin(frontier, 10, size)
    receipt.done()
    receipt.done()
    receipt.hold(1)

    expect(broken).toEqual(['a receipt was answered twice', 'a receipt was split after it had been answered'])
  })

  it('for records that no input brought moves no frontier, and is waited for like the others', () => {
    const { ledger, frontier } = opened(7)
    const receipt = ledger.extra()

    expect(ledger.isDrained).toBe(false)
    receipt.done()
    expect([ledger.isDrained, frontier.offset]).toEqual([true, 7])
  })
})

describe('the frontier', () => {
  it('is the offset after the last batch that is done without a gap, in whatever order they are done', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (sizes, random) => {
          const { ledger, frontier, settled } = opened()
          const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((a, b) => a + b, 0))
          const open = ends.map((end) => ({ end, receipt: ledger.begin(frontier, end, size), isDone: false }))
          while (open.some(({ isDone }) => !isDone)) {
            const left = open.filter(({ isDone }) => !isDone)
            const next = left[(random.next().value as number) % left.length]
            if (next === undefined) return
            next.isDone = true
            next.receipt.done()

            const gap = open.findIndex(({ isDone }) => !isDone)
            expect(frontier.offset).toBe(gap === -1 ? ends.at(-1) : (ends[gap - 1] ?? 0))
          }
          expect(settled()).toBe(sizes.length)
        },
      ),
    )
  })
})
