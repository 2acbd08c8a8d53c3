import { MillraceError } from '../core/errors.js'
import { internalTopics } from '../topology/internal-topics.js'
import type { SinkTopic, SourceOptions } from '../topology/node.js'
import { checkPartitions, missingTopics, partitionCounts, userTopics } from '../topology/partitions.js'
import type { Input, Plan } from '../topology/plan.js'
import type { ErrorPolicy } from '../topology/policy.js'
import type { TopicInfo, TopicPartition, Transport } from '../transport/port.js'
import type { Settings } from './config.js'

/** What is known of the topics the app reads and writes. */
export class TopicCatalogue {
  /** By name; grows as records choose topics. */
  readonly found = new Map<string, TopicInfo>()
  readonly counts = new Map<string, number>()
  private readonly inputs: ReadonlyMap<string, Input>

  constructor(
    private readonly transport: Transport,
    private readonly plan: Plan,
    private readonly settings: Settings,
  ) {
    this.inputs = new Map(plan.subTopologies.flatMap(({ inputs }) => inputs.map((input) => [input.topic, input] as const)))
  }

  info(name: string): TopicInfo | undefined {
    return this.found.get(name)
  }
  partitionsOf(topic: string): readonly TopicPartition[] {
    return Array.from({ length: this.found.get(topic)?.partitions ?? 0 }, (_, partition) => ({ topic, partition }))
  }
  /** Null for a repartition topic. */
  optionsOf(topic: string): SourceOptions | null {
    return this.inputs.get(topic)?.options ?? null
  }
  policyOf(topic: string): ErrorPolicy {
    return this.optionsOf(topic)?.onError ?? this.settings.onError
  }
  isRepartition(topic: string): boolean {
    return this.inputs.get(topic)?.options === null
  }

  /** Checks what is there against the plan, and creates what the app owns: before the group is joined. */
  async prepare(): Promise<void> {
    const { plan, settings } = this
    await this.describe(userTopics(plan).map(({ name }) => name))
    const missing = missingTopics(plan, this.found, settings.brokers === null ? settings.embeddedPartitions : null)
    await this.create(missing)
    const internal = internalTopics(plan, this.found, settings.onError)
    await this.describe(internal.map(({ name }) => name))
    checkPartitions(plan, this.found)
    await this.create(internal.filter(({ name }) => !this.found.has(name)))
    for (const [topic, count] of partitionCounts(plan, this.found)) this.counts.set(topic, count)
  }

  /** A topic that a record has chosen. */
  async discover({ name, partitions, config }: Pick<SinkTopic, 'name' | 'partitions' | 'config'>): Promise<void> {
    if (this.found.has(name)) return
    await this.describe([name])
    if (this.found.has(name)) return
    const count = partitions ?? (this.settings.brokers === null ? this.settings.embeddedPartitions : undefined)
    if (count === undefined) throw new MillraceError('MR_TOPIC_MISSING', `topic ${name} does not exist`)
    await this.create([{ name, partitions: count, config: config ?? {} }])
  }

  /** Throws `MR_TOPIC_DELETED`, `MR_TOPIC_PARTITIONS`: what no task can go on with. */
  async watch(): Promise<void> {
    const now = await this.transport.describeTopics([...this.inputs.keys()])
    for (const topic of this.inputs.keys()) {
      const [before, after] = [this.found.get(topic)?.partitions, now.get(topic)?.partitions]
      if (after === undefined) throw new MillraceError('MR_TOPIC_DELETED', `topic ${topic} is gone`)
      if (after === before) continue
      throw partitionsAdded(topic, before ?? 0, String(after))
    }
  }

  private async describe(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    for (const [name, info] of await this.transport.describeTopics([...new Set(names)])) this.found.set(name, info)
  }

  private async create(topics: Parameters<Transport['createTopics']>[0]): Promise<void> {
    if (topics.length === 0) return
    await this.transport.createTopics(topics)
    await this.describe(topics.map(({ name }) => name))
  }
}

export const partitionsAdded = (topic: string, before: number, now: string): MillraceError =>
  new MillraceError(
    'MR_TOPIC_PARTITIONS',
    `topic ${topic} had ${before} partitions when the app started, and has ${now} now: restart the app; a keyed state must be rebuilt, since keys have moved`,
  )
