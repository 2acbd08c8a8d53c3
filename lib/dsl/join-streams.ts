import type { Codec } from '../core/codec.js'
import { durationMs } from '../core/duration.js'
import { MillraceError } from '../core/errors.js'
import { bufferSpec, joinStreams, sided, type BufferSpec, type JoinBounds, type Side, type StreamJoiner } from '../join/stream-stream.js'
import { checkName, joinedName } from '../topology/names.js'
import type { Port } from '../topology/node.js'
import { byKey, type KeyedLane } from './by-key.js'
import { commonFormat, innerJson, writable, type AnyFn, type Lane } from './lane.js'
import type { JoinWindow } from './surface.js'

export type StreamVerb = 'join' | 'leftJoin' | 'outerJoin'

/** Both sides by key, told apart, and then as one into the join: stream time is one over both. */
export const joinedStreams = (leftLane: Lane, rightLane: Lane, verb: StreamVerb, window: JoinWindow, join: AnyFn): Lane => {
  const bounds = boundsOf(window, verb)
  const [left, right] = [byKey(leftLane, verb), byKey(rightLane, verb)]
  const key = commonFormat([left.key, right.key])
  if (key === null) {
    throw new MillraceError(
      'MR_KEY_CODEC',
      `${verb}: the keys of ${left.stem} are ${left.key.name}, those of ${right.stem} are ${right.key.name}`,
    )
  }
  const name = window.name === undefined ? joinedName([left.stem, right.stem]) : checkName(window.name, `the name given to ${verb}`)
  const keys = writable(key, `the keys of ${left.stem}`)
  const buffers = {
    left: bufferSpec(`${name}-left`, keys, writable(left.value, `the values of ${left.stem}`)),
    right: bufferSpec(`${name}-right`, keys, writable(right.value, `the values of ${right.stem}`)),
  }
  const node = joinNode(
    bothSides(left, right, verb, { left: buffers.left.values, right: buffers.right.values }),
    verb,
    bounds,
    buffers,
    join,
  )
  return { ...left, port: { node, branch: 0 }, stem: name, key, value: innerJson }
}

const joinNode = (
  { scope, port }: Pick<Lane, 'scope' | 'port'>,
  verb: StreamVerb,
  bounds: JoinBounds,
  buffers: { readonly left: BufferSpec; readonly right: BufferSpec },
  join: AnyFn,
) => {
  const operator = joinStreams({ label: verb, bounds, joiner: joinerOf(verb, join), ...buffers })
  return scope.graph.operator(port, operator, {
    stores: [
      { spec: buffers.left.spec, source: null },
      { spec: buffers.right.spec, source: null },
    ],
  })
}

const bothSides = (
  left: KeyedLane,
  right: KeyedLane,
  verb: StreamVerb,
  values: { readonly [S in Side]: Codec<unknown> },
): Pick<Lane, 'scope' | 'port'> => {
  const { scope } = left
  const { graph } = scope
  const isOneStream = left.port.node === right.port.node && left.port.branch === right.port.branch
  const only = (node: Port['node']): Pick<Lane, 'scope' | 'port'> => ({ scope, port: { node, branch: 0 } })
  if (isOneStream)
    return only(graph.operator(left.port, sided('both sides', ['left', 'right'], values.left), { takesNullKeys: verb !== 'join' }))
  const sides = [
    graph.operator(left.port, sided('left side', ['left'], values.left), { takesNullKeys: verb !== 'join' }),
    graph.operator(right.port, sided('right side', ['right'], values.right), { takesNullKeys: verb === 'outerJoin' }),
  ]
  return only(graph.merge(sides.map((node): Port => ({ node, branch: 0 }))))
}

/** The surface has typed the lambda by the verb. */
const joinerOf = (verb: StreamVerb, join: AnyFn): StreamJoiner<unknown, unknown, unknown, unknown> => {
  switch (verb) {
    case 'join':
      return { kind: 'inner', join }
    case 'leftJoin':
      return { kind: 'left', join }
    case 'outerJoin':
      return { kind: 'outer', join }
  }
}

const boundsOf = (window: JoinWindow, verb: StreamVerb): JoinBounds => {
  const given: unknown = window
  if (typeof given !== 'object' || given === null || !('within' in given))
    throw new MillraceError('MR_CONFIG', `${verb}: streams are joined within a time: ${verb}(stream, { within }, f)`)
  const { within, grace, closeAfterIdle } = window
  const { before, after } = typeof within === 'object' ? within : { before: within, after: within }
  return {
    beforeMs: durationMs(before, `${verb}: within.before`),
    afterMs: durationMs(after, `${verb}: within.after`),
    graceMs: durationMs(grace ?? 0, `${verb}: grace`),
    closeAfterIdleMs: closeAfterIdle === undefined ? null : durationMs(closeAfterIdle, `${verb}: closeAfterIdle`),
  }
}
