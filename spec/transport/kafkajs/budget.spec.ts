import * as fc from 'fast-check'
import { Budget, type Claimant, type Grant } from '../../../lib/transport/kafkajs/budget.js'

const settings = { bufferBytes: 1000, bytesPerPartition: 200, maxBytes: 600 }
const claimant = (heldBytes = 0): Claimant => ({ heldBytes, resumeAt: Infinity })
const claimants = (count: number): Claimant[] => Array.from({ length: count }, () => claimant())

describe('Budget', () => {
  it('grants no more than there is room for', () => {
    const budget = new Budget(settings)
    const [one] = claimants(1)
    budget.hold(one as Claimant, 200)

    // Half of the buffer, without what is held.
    expect(budget.grant(claimants(3), 4)).toMatchObject({ bytesEach: 200, maxBytes: 300 })
  })

  it('counts what is on its way to another broker', () => {
    const budget = new Budget(settings)
    const first = budget.grant(claimants(1), 2) as Grant<Claimant>

    expect(first.maxBytes).toBe(500)
    expect(budget.grant(claimants(1), 2)).toMatchObject({ maxBytes: 125, bytesEach: 125 })
    budget.answered(first)
    expect(budget.grant(claimants(1), 2)).toMatchObject({ maxBytes: 375 })
  })

  it('leaves out those who hold their part while there is no room, and takes in the others', () => {
    const budget = new Budget(settings)
    const [slow, idle] = claimants(2) as [Claimant, Claimant]
    budget.hold(slow, 500)

    expect(budget.grant([slow, idle], 2)).toMatchObject({ claimants: [idle], isPartial: true, bytesEach: 125 })
    expect(budget.release(slow, 300)).toBe(false)
    expect(budget.release(slow, 80)).toBe(true)
    expect(budget.grant([slow, idle], 2)).toMatchObject({ claimants: [slow, idle], isPartial: false })
  })

  it('grants nothing when all hold their part', () => {
    const budget = new Budget(settings)
    const all = claimants(4)
    all.forEach((one) => budget.hold(one, 125))

    expect(budget.grant(all, 4)).toBeNull()
  })

  it('is full where batches are larger than the parts, and says when it is not any more', () => {
    const budget = new Budget(settings)
    const all = claimants(4) as [Claimant, Claimant, Claimant, Claimant]
    all.slice(0, 2).forEach((one) => budget.hold(one, 500))

    expect(budget.grant(all, 4)).toBeNull()
    expect(budget.release(all[0], 200)).toBe(false)
    expect(budget.release(all[0], 100)).toBe(true)
    expect(budget.grant(all, 4)).toMatchObject({ claimants: all.slice(2), bytesEach: 63, maxBytes: 126 })
  })

  it('never lets more be held than the buffer and one batch for each answer, and starves nobody who takes', () => {
    const batch = 300
    const step = fc.record({ broker: fc.nat(2), fill: fc.integer({ min: 0, max: batch }), taker: fc.nat(11), take: fc.nat(400) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (steps, count) => {
        const budget = new Budget(settings)
        const all = claimants(count)
        const ofBroker = (broker: number) => all.filter((_, i) => i % 3 === broker)
        const open = new Map<number, Grant<Claimant>>()
        for (const { broker, fill, taker, take } of steps) {
          const grant = open.get(broker)
          if (grant === undefined) {
            const asked = budget.grant(ofBroker(broker), count)
            if (asked !== null) open.set(broker, asked)
          } else {
            open.delete(broker)
            budget.answered(grant)
            // As a broker does: the first batch whatever it weighs, the others as long as they fit.
            let left = grant.maxBytes
            grant.claimants.forEach((one, i) => {
              const most = i === 0 ? Math.max(fill, Math.min(grant.bytesEach, left)) : Math.min(grant.bytesEach, left)
              const bytes = Math.max(0, most)
              left -= bytes
              budget.hold(one, bytes)
            })
          }
          const one = all[taker % count] as Claimant
          budget.release(one, take)
          expect(budget.heldBytes).toBe(all.reduce((sum, { heldBytes }) => sum + heldBytes, 0))
          expect(budget.heldBytes).toBeLessThanOrEqual(settings.bufferBytes + 3 * batch)
        }
        for (const grant of open.values()) budget.answered(grant)
        const [patient] = all as [Claimant]
        for (const one of all.slice(0, Math.max(1, count - 1))) budget.release(one, Infinity)
        expect(budget.grant([patient], count)?.claimants).toEqual([patient])
      }),
      { numRuns: 500 },
    )
  })
})
