import { asBuffer } from './bytes.js'
import type { Codec, StandardSchema } from './codec-port.js'
import { withShape } from './codec-shape.js'
import { withText } from './codec-text.js'
import { MillraceError, toError } from './errors.js'

/** One codec for all types: without a schema nothing is checked. */
export const plainJson: Codec<unknown> = withText(
  Object.freeze({
    name: 'json',
    encode: (value: unknown): Uint8Array => Buffer.from(write(value), 'utf8'),
    decode: (bytes: Uint8Array | null) => parse(textOf(bytes)),
  }),
  parse,
)

export const schemaJson = <A>(schema: StandardSchema<A>): Codec<A> => {
  const { vendor } = schema['~standard']
  // The schema has said that it is one: Standard Schema types what `validate` gives by `types.output`.
  const read = (text: string): A => outcome(schema['~standard'], parse(text)) as A
  const codec: Codec<A> = { name: `json(${vendor})`, encode: plainJson.encode, decode: (bytes) => read(textOf(bytes)) }
  return withText(withShape(codec, { kind: 'json', schema }), read)
}

const textOf = (bytes: Uint8Array | null): string => {
  if (bytes === null) throw new MillraceError('MR_NULL', 'there is no value where JSON is expected')
  return asBuffer(bytes).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MillraceError('MR_DECODE', `the bytes are not JSON: ${toError(error).message}${extract(text, toError(error).message)}`, {
      cause: error,
    })
  }
}

/** V8 gives a position or the text around it, never both. */
const extract = (text: string, message: string): string => {
  const position = /at position (\d+)/.exec(message)?.[1]
  const at = position === undefined ? (message.includes('end of JSON') ? text.length : null) : Number(position)
  if (at === null) return ''
  return `, at ${JSON.stringify(text.slice(Math.max(0, at - 20), at + 20))}${position === undefined ? ` (position ${text.length})` : ''}`
}

const write = (value: unknown): string => {
  // Written out it would be the text `null`, which no reader takes for the deletion it is meant to be.
  if (value === null) throw new MillraceError('MR_NULL', 'null is written with codec.json')
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw new MillraceError('MR_ENCODE', `${kindOf(value)} cannot be written as JSON: ${toError(error).message}`, { cause: error })
  }
  // Undefined and functions give no text; NaN, the infinities and an invalid Date give `null`.
  if (text === undefined || text === 'null') throw new MillraceError('MR_ENCODE', `${kindOf(value)} has no form in JSON`)
  return text
}

const kindOf = (value: unknown): string =>
  typeof value === 'number'
    ? String(value)
    : typeof value === 'object' && value !== null
      ? `an object (${value.constructor?.name ?? 'no prototype'})`
      : typeof value

const outcome = (standard: StandardSchema<unknown>['~standard'], value: unknown): unknown => {
  const result = validated(standard, value)
  if (result instanceof Promise) {
    result.catch(() => undefined) // Its rejection is answered for by the failure thrown here.
    // zod takes any throw within a schema for a sign that it is async, and starts again.
    throw new MillraceError(
      'MR_SCHEMA',
      `the ${standard.vendor} schema gave a promise, and decoding does not wait: it validates asynchronously (move that to mapAsync), or a function in it threw`,
    )
  }
  if (!isObject(result))
    throw new MillraceError(
      'MR_SCHEMA',
      `the ${standard.vendor} schema answered with ${typeof result}, not with a result of Standard Schema`,
    )
  if (Array.isArray(result['issues'])) throw new MillraceError('MR_SCHEMA', issuesText(result['issues']))
  return result['value']
}

const validated = (standard: StandardSchema<unknown>['~standard'], value: unknown): unknown => {
  try {
    return standard.validate(value)
  } catch (error) {
    throw new MillraceError('MR_SCHEMA', `the ${standard.vendor} schema threw: ${toError(error).message}`, { cause: error })
  }
}

const shownIssues = 3

const issuesText = (issues: readonly unknown[]): string => {
  const shown = issues.slice(0, shownIssues).map((issue) => {
    if (!isObject(issue)) return String(issue)
    const path = Array.isArray(issue['path']) ? pathText(issue['path']) : ''
    return `${path === '' ? 'the value' : path}: ${String(issue['message']).replace(/\.$/, '')}`
  })
  return issues.length > shownIssues ? `${shown.join('; ')}; and ${issues.length - shownIssues} more` : shown.join('; ')
}

/** `items[0].price`; a step is a key or an object that holds one. */
const pathText = (path: readonly unknown[]): string =>
  path
    .map((step) => (isObject(step) ? step['key'] : step))
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null
