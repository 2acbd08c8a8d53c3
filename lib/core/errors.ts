import { inspect, types } from 'node:util'

/** One line per code: what to do about it, and whether the same call may succeed later. */
const table = {
  MR_DURATION: { hint: `Write milliseconds, or a literal such as '250ms', '30s', '5m', '1h', '7d'.`, retriable: false },
  MR_CONFIG: { hint: 'Correct the option named in the message.', retriable: false },

  MR_DECODE: {
    hint: 'The bytes do not fit the codec of the topic. Correct the codec, or choose an `onError` policy for the source.',
    retriable: false,
  },
  MR_SCHEMA: {
    hint: 'The value does not match the schema given to codec.json. Correct the producer or the schema, or choose an `onError` policy.',
    retriable: false,
  },
  MR_NULL: { hint: 'Wrap the codec in codec.nullable or codec.option if nulls are expected.', retriable: false },
  MR_ENCODE: { hint: 'The value does not fit the codec it is written with. Use another codec, or `encodedAs`.', retriable: false },
  MR_CODEC_LOSSY: {
    hint: 'JSON does not give this value back (Date, Map, bigint, undefined ...). Use `encodedAs` or the `value` option of the store.',
    retriable: false,
  },
  MR_TIMESTAMP: {
    hint: 'Event time must be a finite number of ms since the epoch, at most `maxAhead` ahead of the clock.',
    retriable: false,
  },
  MR_TIMER_LOOP: {
    hint: 'A timer that is set again by its own call must be later than it was; to skip what a jump of time has missed, set it from `streamTime` or `now`.',
    retriable: false,
  },
  MR_PROMISE_IN_SYNC_VERB: { hint: 'Use mapAsync, each or toSink for work that returns a promise.', retriable: false },
  MR_PROCESS: {
    hint: 'A lambda threw. See `cause`; choose an `onError` policy if such records may be skipped or set aside.',
    retriable: false,
  },
  MR_TIMEOUT: { hint: 'Raise the timeout, or look at what it was waiting for.', retriable: true },
  MR_PRODUCE: { hint: 'The broker refused the record. See `cause`.', retriable: false },
  MR_RECORD_TOO_LARGE: { hint: 'Raise max.message.bytes of the topic, or make the record smaller.', retriable: false },
  MR_SINK: { hint: 'The sink rejected. See `cause`.', retriable: false },
  MR_TOO_MANY_DEAD_LETTERS: {
    hint: 'Every record fails in a row: look at the last deploy. Raise `consecutive` if that is expected.',
    retriable: false,
  },
  MR_RX_COMPLETED: { hint: 'Operators inside rx() may not complete: take, first and the like belong in pipe().', retriable: false },
  MR_RX_ESCAPED: {
    hint: 'Exactly-once has to find the same again after a crash, which what a timer emits inside rx() is not. Use at-least-once, or pipe().',
    retriable: false,
  },
  MR_RX_ERROR: { hint: 'The operators given to rx() ended with an error. Catch it inside them.', retriable: false },

  MR_WINDOWS_FULL: { hint: 'Raise `maxOpen`, make windows or grace shorter, or look at what sends so many keys.', retriable: false },

  MR_SUPPRESS_FULL: { hint: `Raise \`maxKeys\`, shorten \`within\`, or choose whenFull: 'emit'.`, retriable: false },

  MR_NAME_AMBIGUOUS: { hint: 'Two stores or internal topics would have one name. Give the newer verb a `name`.', retriable: false },
  MR_NAME_INVALID: { hint: 'Use letters, digits, dot, dash and underscore, at most 200 characters.', retriable: false },
  MR_KEY_NONE: { hint: 'The stream has no key to group or join by. Give it one with keyBy or groupBy.', retriable: false },
  MR_KEY_CODEC: { hint: 'Both sides of a join, and all inputs of a merge that is grouped, must have one key codec.', retriable: false },
  MR_CO_PARTITIONING: {
    hint: 'Call repartition({ partitions }) on one side, or create the topic with as many partitions as the other.',
    retriable: false,
  },
  MR_SOURCE_OPTIONS: { hint: 'One topic is one source: give the same options each time, or use another app.', retriable: false },
  MR_TOPOLOGY_FROZEN: { hint: 'Call the verbs before start().', retriable: false },
  MR_TOPOLOGY_EMPTY: { hint: 'End at least one stream with toTopic, toTable, toSink, each or subscribe before start().', retriable: false },
  MR_TOPOLOGY_CHANGED: {
    hint: 'The state on disk was written by another topology. Name the stores, or remove the folder named in the message: it is rebuilt from the changelog.',
    retriable: false,
  },

  MR_TOPIC_MISSING: { hint: 'Create the topic, or declare `partitions` in its descriptor so that it is created.', retriable: false },
  MR_TOPIC_PARTITIONS: {
    hint: 'Correct the number in the descriptor. An internal topic with a wrong number belongs to another version of the app: remove it, or give the verb another name.',
    retriable: false,
  },
  MR_TOPIC_DELETED: { hint: 'The topic was removed while the app was reading it. Create it again and restart.', retriable: false },
  MR_OUT_OF_RANGE: {
    hint: `The committed offset is no longer in the log. Choose onOutOfRange 'earliest' or 'latest' to go on.`,
    retriable: false,
  },
  MR_CORRUPT_BATCH: {
    hint: 'The log holds bytes that are not a record batch. Check the broker; skip it with an `onError` policy.',
    retriable: false,
  },
  MR_COMPRESSION: {
    hint: 'Install millrace on the platform where it runs, without --omit=optional; or choose another compression where the records are written.',
    retriable: false,
  },
  MR_BROKER_UNREACHABLE: { hint: 'Check `brokers`, the network and the listener names of the cluster.', retriable: true },
  MR_AUTHENTICATION: { hint: 'Check `kafka.sasl` and `kafka.ssl`.', retriable: false },
  MR_AUTHORIZATION: { hint: 'The principal lacks a permission named in the message.', retriable: false },
  MR_KAFKA: { hint: 'The broker answered with an error. See `cause`.', retriable: false },
  MR_FENCED: { hint: 'The group has moved on without this member. It rejoins by itself.', retriable: true },

  MR_ABORTED: { hint: 'Nothing of the transaction counts. Its inputs are read again by themselves.', retriable: true },

  MR_STATE_LOCKED: { hint: 'Another live process owns the folder. Stop it, or choose another `stateDir`.', retriable: false },
  MR_STATE_DAMAGED: {
    hint: 'The file is not what was left there. It is set aside when it is opened next, and rebuilt from the changelog.',
    retriable: false,
  },
  MR_LOG_DAMAGED: {
    hint: 'The embedded log is the only copy of its records. Bring the folder back from a backup, or move it away to start empty.',
    retriable: false,
  },
  MR_STATE_FORMAT: {
    hint: 'The file was written by another version of millrace. Use that version, or remove the folder.',
    retriable: false,
  },
  MR_STATE_WRITE: {
    hint: 'Writing state failed, often because the disk is full. Nothing was committed past the last commit.',
    retriable: false,
  },
  MR_STATE_AHEAD: {
    hint: 'The file holds a commit that the group does not know of, which exactly-once never leaves behind. It is rebuilt from the changelog.',
    retriable: false,
  },
  MR_OFFSETS_MOVED: {
    hint: 'The offsets of the group were set by hand, so the state no longer fits them. Remove the state folder and the changelog topics to start over, or set the offsets back.',
    retriable: false,
  },

  MR_APP_STOPPED: { hint: 'An app runs once. Make a new one with createApp.', retriable: false },
  MR_APP_NOT_STARTED: { hint: 'Await start() first.', retriable: false },
  MR_STORE_NOT_HERE: {
    hint: 'The partition of the key is on another member, or is being restored. Try again, or ask that member.',
    retriable: true,
  },
  MR_NOT_QUERYABLE: { hint: 'Give the table a store: pass `{ name }` to the verb that makes it.', retriable: false },
} as const satisfies Readonly<Record<`MR_${string}`, { readonly hint: string; readonly retriable: boolean }>>

/**
 * Every code a `MillraceError` can have. A code keeps its meaning; new ones may come with any release.
 * @since 0.1.0
 */
export type ErrorCode = keyof typeof table

// Object.keys has no way to say that these are all the keys there are.
export const errorCodes = Object.keys(table) as readonly ErrorCode[]

/**
 * Every error the library throws. `code` is stable; `hint` says what to do; `cause` is what lay beneath.
 * @since 0.1.0
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError'
  readonly code: ErrorCode
  readonly hint: string
  /** The same call may succeed later. */
  readonly retriable: boolean
  /** What happened, without code and hint. */
  readonly summary: string

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(`${code}: ${message}. ${table[code].hint}`, options)
    this.code = code
    this.summary = message
    this.hint = table[code].hint
    this.retriable = table[code].retriable
  }
}

/** Whether an error is one of ours, of that code if one is given. */
export const isMillraceError = (error: unknown, code?: ErrorCode): error is MillraceError =>
  error instanceof MillraceError && (code === undefined || error.code === code)

/** What was thrown, as an Error; never throws itself. */
export const toError = (thrown: unknown): Error =>
  // The second test takes errors of another realm, such as those of Node's own modules under jest.
  thrown instanceof Error || types.isNativeError(thrown)
    ? thrown
    : new Error(typeof thrown === 'string' ? thrown : inspect(thrown), { cause: thrown })
