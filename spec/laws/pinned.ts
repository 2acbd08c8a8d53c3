import type { History } from './history.js'

export interface Pinned {
  readonly law: string
  /** What it says of us. */
  readonly fact: string
  readonly history: History
}

const one = (key: string, value: string, time: number) => ({ to: 'one', key, value, time })
const tumbling = { kind: 'tumbling', size: 10, every: 2, grace: 12, emit: { every: 6 }, fold: 'count', unit: 'hour', zone: 'UTC' } as const
const plain = { partitions: 1, delivery: 'at-least-once', disk: true, fetchBytes: 1_048_576 } as const

/** Histories that were once found to differ, as `npm run laws` prints them. */
export const pinned: readonly Pinned[] = [
  {
    law: 'tumbling windows',
    fact: 'windows that are due together at a stated rate are told in order of their keys, not of arrival',
    history: {
      ...plain,
      settings: { ...tumbling, emit: { every: 1 } },
      steps: [
        { _tag: 'send', sent: [one('d', '0', 0), one('a', '1', 0)] },
        { _tag: 'send', sent: [one('a', '2', 1)] },
      ],
    },
  },
  {
    law: 'tumbling windows',
    fact: 'the rate of a window is counted from stream time, also for a record that is the first after a restart and out of order',
    history: {
      ...plain,
      settings: tumbling,
      steps: [
        { _tag: 'send', sent: [one('a', '0', 0), one('z', '1', 10)] },
        { _tag: 'restart' },
        { _tag: 'send', sent: [one('a', '2', 1), one('z', '3', 12)] },
        { _tag: 'send', sent: [one('z', '4', 16)] },
      ],
    },
  },
  {
    law: 'groups by another key, of streams and of tables',
    fact: 'a row is found again whose key is written as the text it is, by a codec that is not codec.string',
    history: {
      ...plain,
      settings: { verb: 'groupBy', fold: 'count' },
      steps: [{ _tag: 'send', sent: [one('a', 'y0', 7), one('b', 'y1', 7)] }],
    },
  },
  {
    law: 'distinct',
    fact: 'an equal that comes later than twice `within` passes, also if nothing has come in between',
    history: {
      ...plain,
      settings: { within: 1 },
      steps: [{ _tag: 'send', sent: [one('a', 'x0', 2), one('b', 'x1', 0), one('b', 'x2', 0)] }],
    },
  },
  {
    law: 'joins of tables by foreign key',
    fact: 'a result goes whose left row has lost its foreign key and changes again before the right side has answered',
    history: {
      ...plain,
      settings: { kind: 'inner' },
      steps: [
        {
          _tag: 'send',
          sent: [
            { to: 'left', key: 'c', value: 'x0', time: 0 },
            { to: 'right', key: 'x', value: 'x1', time: 0 },
          ],
        },
        {
          _tag: 'send',
          sent: [
            { to: 'left', key: 'c', value: '?2', time: 0 },
            { to: 'left', key: 'c', value: null, time: 7 },
          ],
        },
      ],
    },
  },
  {
    law: 'groups by another key, of streams and of tables',
    fact: 'what a member commits while another is settled is read by that one before a test goes on',
    history: {
      ...plain,
      delivery: 'exactly-once',
      disk: false,
      settings: { verb: 'groupBy', fold: 'count' },
      steps: [
        { _tag: 'members', count: 2 },
        { _tag: 'send', sent: [{ to: 'one', key: null, value: 'x0', time: 0 }] },
        { _tag: 'crash amid', sent: [{ to: 'one', key: null, value: 'x1', time: 0 }], turns: 0 },
      ],
    },
  },
]
