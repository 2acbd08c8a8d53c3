import fc from 'fast-check'
import { NearlySorted } from '../../lib/core/nearly-sorted.js'

const isLess = (a: number, b: number): boolean => a < b

describe('NearlySorted', () => {
  it('gives the least first, whatever order things come in', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(50), { freq: 3 }), { maxLength: 200 }), (steps) => {
        const line = new NearlySorted(isLess)
        const all: number[] = []
        for (const step of steps) {
          const taken = step === null ? [line.take(), all.shift()] : []
          if (step !== null) {
            line.add(step)
            all.push(step)
            all.sort((a, b) => a - b)
          }
          expect([line.size, line.least, taken[0]]).toEqual([all.length, all[0], taken[1]])
        }
      }),
    )
  })

  it('shows all that come before a limit, and keeps them', () => {
    const line = new NearlySorted(isLess)
    for (const item of [1, 5, 3, 9, 2, 7]) line.add(item)
    expect(line.whileBefore((item) => item < 6).sort()).toEqual([1, 2, 3, 5])
    expect(line.size).toBe(6)
  })

  it('forgets what it has given: a long queue does not grow', () => {
    const line = new NearlySorted(isLess)
    for (let i = 0; i < 10; i++) line.add(i)
    for (let i = 10; i < 5000; i++) {
      line.add(i)
      expect(line.take()).toBe(i - 10)
    }
    expect(line.size).toBe(10)
  })
})
