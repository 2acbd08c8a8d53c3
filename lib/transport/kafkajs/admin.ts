import { sleep, type Clock } from '../../core/clock.js'
import { MillraceError } from '../../core/errors.js'
import type { NewTopic, OffsetSpec, PartitionOffset, TopicInfo, TopicPartition } from '../port.js'
import type { Connections } from './connections.js'
import { broker, brokerError, isRetriable } from './error-codes.js'
import { isHopeless, toMillraceError } from './errors.js'
import {
  createTopicsV4,
  deleteRecordsV0,
  describeTopicConfigsV1,
  listOffsetsV3,
  metadataV6,
  type PartitionError,
  type Request,
  type TopicError,
} from './requests.js'
import { within } from './within.js'

const createMs = 15_000
const patienceMs = 30_000
/** So long a topic that was just created may be unknown to the broker that is asked. */
const unknownMs = 5000
const pauseMs = 50
/** So long one broker of several is waited for. */
const brokerMs = 2000
const purgeMs = 5_000
const earliest = -2
const latest = -1
const unknownConfig = /[Uu]nknown topic config name: ([\w.-]+)/

/** Topics and offsets, with requests of our own: kafkajs's admin asks for one topic at a time, and loses the brokers' messages. */
export class Admin {
  constructor(
    private readonly connections: Connections,
    private readonly clock: Clock,
  ) {}

  async describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicInfo>> {
    if (names.length === 0) return new Map()
    const { topicMetadata } = await this.retry('describing topics', () => this.connections.sendToAny(metadataV6(names)))
    const refused = topicMetadata.find(({ topicErrorCode }) => topicErrorCode === broker.topicAuthorization)
    if (refused !== undefined) throw brokerError(refused.topicErrorCode, `describing topic ${refused.topic}`)
    const found = topicMetadata.filter(({ partitionMetadata }) => partitionMetadata.length > 0)
    const compacted = await this.areCompacted(found.map(({ topic }) => topic))
    return new Map(
      found.flatMap(({ topic, partitionMetadata }) => {
        const isCompacted = compacted.get(topic)
        return isCompacted === undefined ? [] : [[topic, { name: topic, partitions: partitionMetadata.length, isCompacted }]]
      }),
    )
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    const existing = await this.describeTopics(topics.map(({ name }) => name))
    let missing = topics.filter(({ name }) => !existing.has(name))
    while (missing.length > 0) {
      const answers = await this.retry('creating topics', () => this.connections.sendToController(createTopicsV4(missing, createMs)))
      const errors = new Map(answers.map((answer) => [answer.topic, answer]))
      missing = missing.flatMap((topic) => againWithout(topic, errors.get(topic.name)))
      if (answers.some(({ errorCode }) => errorCode === broker.notController)) await this.connections.refresh()
    }
    await this.untilLed(topics.map(({ name }) => name))
  }

  async listOffsets(partitions: readonly TopicPartition[], at: OffsetSpec): Promise<readonly PartitionOffset[]> {
    const isolation = at === 'stable' ? 'committed' : 'uncommitted'
    const timestamp = at === 'earliest' ? earliest : typeof at === 'string' ? latest : at.time
    const found = await this.onLeaders('listing offsets', partitions, (some) => listOffsetsV3(some, timestamp, isolation))
    // Below zero: there is no record at or after that time.
    const beyond = found.filter(({ offset }) => offset < 0)
    const ends = beyond.length === 0 ? [] : await this.listOffsets(beyond, 'end')
    const offsets = new Map([...found, ...ends].map(({ topic, partition, offset }) => [`${partition}:${topic}`, offset]))
    return partitions.map(({ topic, partition }) => ({ topic, partition, offset: offsets.get(`${partition}:${topic}`) ?? 0 }))
  }

  async deleteRecords(offsets: readonly PartitionOffset[]): Promise<void> {
    try {
      await this.onLeaders('deleting records', offsets, (some) => deleteRecordsV0(some, purgeMs))
    } catch (thrown) {
      const error = toMillraceError(thrown, 'deleting records')
      // Best effort: what stays is deleted with the next purge. An offset below or beyond the log needs none.
      if (isHopeless(error)) throw error
    }
  }

  /** Without those that were deleted since metadata was read. */
  private async areCompacted(topics: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    if (topics.length === 0) return new Map()
    const configs = await this.retry('describing topics', () =>
      this.connections.sendToAny(describeTopicConfigsV1(topics, ['cleanup.policy'])),
    )
    const known = configs.filter(({ errorCode }) => errorCode !== broker.unknownTopic)
    const refused = known.find(({ errorCode }) => errorCode !== broker.none)
    if (refused !== undefined) throw brokerError(refused.errorCode, `describing topic ${refused.topic}`, refused.message)
    return new Map(known.map(({ topic, entries }) => [topic, entries.get('cleanup.policy')?.includes('compact') === true]))
  }

  /** As every broker says: whoever joins or writes next may ask any of them, and take a topic it does not know yet for missing. */
  private async untilLed(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return
    const giveUpAt = this.clock.now() + patienceMs
    for (;;) {
      const nodes = this.connections.cluster.getNodeIds()
      const answers = await Promise.all(nodes.map((node) => this.areLed(topics, Number(node))))
      if (answers.includes(true) && !answers.includes(false)) return
      if (this.clock.now() > giveUpAt)
        throw new MillraceError('MR_KAFKA', `topics ${topics.join(', ')} have no leaders ${patienceMs / 1000} s after they were created`)
      await sleep(this.clock, pauseMs)
    }
  }

  /** Null: that broker does not answer. */
  private async areLed(topics: readonly string[], node: number): Promise<boolean | null> {
    const answer = await within(this.clock, brokerMs, this.connections.sendTo(node, metadataV6(topics))).catch(() => null)
    if (answer === null || answer === 'late') return null
    const led = answer.topicMetadata.filter(({ partitionMetadata: all }) => all.length > 0 && all.every(({ leader }) => leader >= 0))
    return led.length === topics.length
  }

  /** One request per leader; those whose leader has moved are asked again. */
  private async onLeaders<P extends TopicPartition, A extends PartitionError>(
    what: string,
    partitions: readonly P[],
    request: (some: readonly P[]) => Request<readonly A[]>,
  ): Promise<readonly A[]> {
    await this.retry(what, () => this.connections.addTopics([...new Set(partitions.map(({ topic }) => topic))]))
    const answers: A[] = []
    const from = this.clock.now()
    for (let left = partitions; left.length > 0;) {
      const round = await this.askLeaders(what, left, request)
      answers.push(...round.answers)
      left = round.left
      if (left.length === 0) break
      const limitMs = round.error?.code === 'MR_TOPIC_MISSING' ? unknownMs : patienceMs
      if (this.clock.now() - from > limitMs)
        throw round.error ?? new MillraceError('MR_BROKER_UNREACHABLE', `${what}: a partition has no leader`)
      await sleep(this.clock, pauseMs)
      await this.retry(what, () => this.connections.refresh())
    }
    return answers
  }

  private async askLeaders<P extends TopicPartition, A extends PartitionError>(
    what: string,
    partitions: readonly P[],
    request: (some: readonly P[]) => Request<readonly A[]>,
  ): Promise<{ readonly answers: readonly A[]; readonly left: readonly P[]; readonly error: MillraceError | null }> {
    const byLeader = new Map<number, P[]>()
    const left: P[] = []
    const answers: A[] = []
    let error: MillraceError | null = null
    for (const at of partitions) {
      const leader = this.connections.leaderOf(at)
      if (leader !== null) byLeader.set(leader, [...(byLeader.get(leader) ?? []), at])
      else left.push(at)
      // A topic that was just created may not have reached the broker that was asked.
      if (this.connections.partitionsOf(at.topic) <= at.partition)
        error = new MillraceError('MR_TOPIC_MISSING', `${what}: there is no ${at.topic}-${at.partition}`)
    }
    const ask = async (leader: number, some: readonly P[]): Promise<void> => {
      const outcome = await this.connections.sendTo(leader, request(some)).catch((thrown: unknown) => toMillraceError(thrown, what))
      if (outcome instanceof MillraceError && isHopeless(outcome)) throw outcome
      for (const at of some) {
        const answer =
          outcome instanceof MillraceError ? undefined : outcome.find((one) => one.topic === at.topic && one.partition === at.partition)
        if (answer?.errorCode === broker.none) answers.push(answer)
        else {
          error =
            outcome instanceof MillraceError
              ? outcome
              : brokerError(answer?.errorCode ?? broker.unknown, `${what} of ${at.topic}-${at.partition}`)
          if (answer !== undefined && !isRetriable(answer.errorCode)) throw error
          left.push(at)
        }
      }
    }
    await Promise.all([...byLeader].map(([leader, some]) => ask(leader, some)))
    return { answers, left, error }
  }

  /** Through lost connections; kafkajs tries an address again only where it chose it itself. */
  private async retry<A>(what: string, attempt: () => Promise<A>): Promise<A> {
    const giveUpAt = this.clock.now() + patienceMs / 2
    for (;;) {
      try {
        return await attempt()
      } catch (thrown) {
        const error = toMillraceError(thrown, what)
        if (error.code !== 'MR_BROKER_UNREACHABLE' || this.clock.now() > giveUpAt) throw error
        await sleep(this.clock, 5 * pauseMs)
      }
    }
  }
}

/** The topic without the setting that the broker does not know; nothing when it exists now; a throw for the rest. */
const againWithout = (topic: NewTopic, answer: TopicError | undefined): readonly NewTopic[] => {
  if (answer === undefined || answer.errorCode === broker.none || answer.errorCode === broker.topicExists) return []
  if (answer.errorCode === broker.notController || answer.errorCode === broker.requestTimedOut) return [topic]
  const unknown = answer.errorCode === broker.invalidConfig ? unknownConfig.exec(answer.message ?? '')?.[1] : undefined
  if (unknown === undefined || !(unknown in topic.config))
    throw brokerError(answer.errorCode, `creating topic ${topic.name}`, answer.message)
  return [{ ...topic, config: Object.fromEntries(Object.entries(topic.config).filter(([name]) => name !== unknown)) }]
}
