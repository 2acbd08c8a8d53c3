import { MillraceError, isMillraceError, toError, type ErrorCode } from '../../core/errors.js'

/** What kafkajs puts on its errors, beside `message`. */
interface KafkaJsError extends Error {
  readonly type?: unknown
  readonly code?: unknown
}

const unreachable = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSLockTimeout',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSGroupCoordinatorNotFound',
])
const types: ReadonlyMap<unknown, ErrorCode> = new Map<unknown, ErrorCode>([
  ['SASL_AUTHENTICATION_FAILED', 'MR_AUTHENTICATION'],
  ['ILLEGAL_SASL_STATE', 'MR_AUTHENTICATION'],
  ['UNSUPPORTED_SASL_MECHANISM', 'MR_AUTHENTICATION'],
  ['TOPIC_AUTHORIZATION_FAILED', 'MR_AUTHORIZATION'],
  ['GROUP_AUTHORIZATION_FAILED', 'MR_AUTHORIZATION'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'MR_AUTHORIZATION'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'MR_TOPIC_MISSING'],
  ['OFFSET_OUT_OF_RANGE', 'MR_OUT_OF_RANGE'],
  ['REBALANCE_IN_PROGRESS', 'MR_FENCED'],
  ['ILLEGAL_GENERATION', 'MR_FENCED'],
  ['UNKNOWN_MEMBER_ID', 'MR_FENCED'],
  ['GROUP_LOAD_IN_PROGRESS', 'MR_BROKER_UNREACHABLE'],
  ['GROUP_COORDINATOR_NOT_AVAILABLE', 'MR_BROKER_UNREACHABLE'],
  ['NOT_COORDINATOR_FOR_GROUP', 'MR_BROKER_UNREACHABLE'],
  ['LEADER_NOT_AVAILABLE', 'MR_BROKER_UNREACHABLE'],
])
/** OpenSSL and Node say it in a code; all mean that the two ends do not trust each other. */
const untrusted = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY))/

const codeOf = (error: KafkaJsError): ErrorCode | null => {
  const type = types.get(error.type)
  if (type !== undefined) return type
  if (error.name === 'KafkaJSSASLAuthenticationError') return 'MR_AUTHENTICATION'
  if (typeof error.code === 'string' && untrusted.test(error.code)) return 'MR_AUTHENTICATION'
  return unreachable.has(error.name) ? 'MR_BROKER_UNREACHABLE' : null
}

/** kafkajs wraps what happened in errors about its retries: the innermost one that says something decides. */
const innermost = (error: Error): readonly Error[] =>
  error.cause instanceof Error && error.cause !== error ? [...innermost(error.cause), error] : [error]

/** Any error of kafkajs, or of a socket beneath it, as one of ours; ours stay what they are. `what` says what was tried. */
export const toMillraceError = (thrown: unknown, what: string): MillraceError => {
  if (isMillraceError(thrown)) return thrown
  const error = toError(thrown)
  const chain = innermost(error)
  const ours = chain.find((cause): cause is MillraceError => isMillraceError(cause))
  if (ours !== undefined) return ours
  const code = chain.map(codeOf).find((found) => found !== null) ?? 'MR_KAFKA'
  return new MillraceError(code, `${what}: ${(chain[0] ?? error).message}`, { cause: error })
}

/** Nothing that waiting could heal. */
export const isHopeless = ({ code }: MillraceError): boolean => code === 'MR_AUTHENTICATION' || code === 'MR_AUTHORIZATION'

/** There is no use in asking again; also because the connection was closed, which is no failure. */
export const isFutile = (error: MillraceError): boolean => isHopeless(error) || error.code === 'MR_APP_STOPPED'
