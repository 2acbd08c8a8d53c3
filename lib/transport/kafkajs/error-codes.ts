import { MillraceError, type ErrorCode } from '../../core/errors.js'

/** The broker's error codes that are acted upon or worth a name. */
export const broker = {
  unknown: -1,
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  replicaNotAvailable: 9,
  messageTooLarge: 10,
  networkException: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAuthorization: 29,
  groupAuthorization: 30,
  clusterAuthorization: 31,
  invalidTimestamp: 32,
  topicExists: 36,
  invalidConfig: 40,
  notController: 41,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidTransactionState: 48,
  invalidProducerIdMapping: 49,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  transactionalIdAuthorization: 53,
  operationNotAttempted: 55,
  kafkaStorage: 56,
  unknownProducer: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
  invalidRecord: 87,
  unstableOffset: 88,
  producerFenced: 90,
} as const

const names = new Map<number, string>(Object.entries(broker).map(([name, code]) => [code, name]))

const meaning = new Map<number, ErrorCode>([
  [broker.offsetOutOfRange, 'MR_OUT_OF_RANGE'],
  [broker.unknownTopic, 'MR_TOPIC_MISSING'],
  [broker.messageTooLarge, 'MR_RECORD_TOO_LARGE'],
  [broker.recordListTooLarge, 'MR_RECORD_TOO_LARGE'],
  [broker.illegalGeneration, 'MR_FENCED'],
  [broker.unknownMember, 'MR_FENCED'],
  [broker.rebalanceInProgress, 'MR_FENCED'],
  [broker.invalidProducerEpoch, 'MR_FENCED'],
  [broker.producerFenced, 'MR_FENCED'],
  [broker.invalidTransactionState, 'MR_ABORTED'],
  [broker.invalidProducerIdMapping, 'MR_ABORTED'],
  [broker.invalidTransactionTimeout, 'MR_CONFIG'],
  [broker.transactionalIdAuthorization, 'MR_AUTHORIZATION'],
  [broker.topicAuthorization, 'MR_AUTHORIZATION'],
  [broker.groupAuthorization, 'MR_AUTHORIZATION'],
  [broker.clusterAuthorization, 'MR_AUTHORIZATION'],
  [broker.invalidTimestamp, 'MR_TIMESTAMP'],
  [broker.requestTimedOut, 'MR_TIMEOUT'],
  // Nobody serves it now; somebody will.
  [broker.leaderNotAvailable, 'MR_BROKER_UNREACHABLE'],
  [broker.notLeader, 'MR_BROKER_UNREACHABLE'],
  [broker.replicaNotAvailable, 'MR_BROKER_UNREACHABLE'],
  [broker.networkException, 'MR_BROKER_UNREACHABLE'],
  [broker.coordinatorLoading, 'MR_BROKER_UNREACHABLE'],
  [broker.coordinatorNotAvailable, 'MR_BROKER_UNREACHABLE'],
  [broker.notCoordinator, 'MR_BROKER_UNREACHABLE'],
  [broker.notEnoughReplicas, 'MR_BROKER_UNREACHABLE'],
  [broker.notEnoughReplicasAfterAppend, 'MR_BROKER_UNREACHABLE'],
  [broker.kafkaStorage, 'MR_BROKER_UNREACHABLE'],
  [broker.fencedLeaderEpoch, 'MR_BROKER_UNREACHABLE'],
  [broker.unknownLeaderEpoch, 'MR_BROKER_UNREACHABLE'],
  [broker.offsetNotAvailable, 'MR_BROKER_UNREACHABLE'],
])

export const nameOf = (code: number): string => `${names.get(code) ?? 'error'} (${code})`

/** What a broker's error code means to us; `what` says what was asked of it. */
export const brokerError = (code: number, what: string, message?: string | null): MillraceError =>
  new MillraceError(meaning.get(code) ?? 'MR_KAFKA', `${what}: the broker answers ${nameOf(code)}${message ? `, "${message}"` : ''}`)

/** The partition is elsewhere, or not anywhere yet: metadata must be read again. */
const stale = new Set<number>([
  broker.unknownTopic,
  broker.leaderNotAvailable,
  broker.notLeader,
  broker.replicaNotAvailable,
  broker.kafkaStorage,
  broker.fencedLeaderEpoch,
  broker.unknownLeaderEpoch,
])
export const isStaleMetadata = (code: number): boolean => stale.has(code)

const passing = new Set<number>([
  broker.unknown,
  broker.corruptMessage,
  broker.requestTimedOut,
  broker.networkException,
  broker.notEnoughReplicas,
  broker.notEnoughReplicasAfterAppend,
  broker.offsetNotAvailable,
])
/** The same request may succeed later. */
export const isRetriable = (code: number): boolean => stale.has(code) || passing.has(code)

const coordinator = new Set<number>([broker.coordinatorLoading, broker.coordinatorNotAvailable, broker.notCoordinator])
/** The group's coordinator is moving or loading. */
export const isCoordinatorMoving = (code: number): boolean => coordinator.has(code)
