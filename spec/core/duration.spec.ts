import { durationMs, type Duration } from '../../lib/core/duration.js'

describe('durationMs', () => {
  it.each([
    [250, 250],
    [0, 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
  ] satisfies [Duration, number][])('reads %p as %p ms', (duration, ms) => {
    expect(durationMs(duration, 'size')).toBe(ms)
  })
  it.each([-1, NaN, Infinity, '-5s', '1e3s', ' 5s', '5 s', '5'])('refuses %p and names the option', (duration) => {
    // What a caller without types may give.
    const untyped = duration as Duration
    expect(() => durationMs(untyped, 'size of tumbling')).toThrow(/^MR_DURATION: size of tumbling is /)
  })
})
