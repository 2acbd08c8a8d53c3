import { MillraceError } from '../core/errors.js'
import type { Plan } from '../topology/plan.js'
import type { PartitionOffset, TopicPartition, Transport, TroubleListener } from '../transport/port.js'
import type { TopicCatalogue } from './topic-catalogue.js'

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** Where reading ends (`until`), and where it goes on when the log does not reach back (`onOutOfRange`). */
export class Bounds {
  private ends: ReadonlyMap<string, number> = new Map()

  constructor(
    private readonly transport: Transport,
    private readonly topics: TopicCatalogue,
    private readonly onTrouble: TroubleListener,
  ) {}

  /** `until: 'now'` is the end as of this moment. */
  async prepare(plan: Plan): Promise<void> {
    const inputs = plan.subTopologies.flatMap(({ inputs }) => inputs).filter(({ options }) => options?.until === 'now')
    const partitions = inputs.flatMap(({ topic }) => this.topics.partitionsOf(topic))
    const ends = partitions.length > 0 ? await this.transport.listOffsets(partitions, 'stable') : []
    this.ends = new Map(ends.map((end) => [nameOf(end), end.offset]))
  }

  until(at: TopicPartition): { readonly offset: number } | { readonly time: number } | null {
    const until = this.topics.optionsOf(at.topic)?.until ?? 'never'
    if (until === 'never') return null
    return until === 'now' ? { offset: this.ends.get(nameOf(at)) ?? 0 } : until
  }

  /** The position to go on from. */
  async whenOutOfRange(at: PartitionOffset): Promise<number> {
    const policy = this.topics.optionsOf(at.topic)?.onOutOfRange ?? 'earliest'
    const what = `offset ${at.offset} of ${nameOf(at)} is not in the log`
    if (policy === 'fail') throw new MillraceError('MR_OUT_OF_RANGE', what)
    const [found] = await this.transport.listOffsets([at], policy === 'earliest' ? 'earliest' : 'stable')
    const to = found?.offset ?? 0
    this.onTrouble({ kind: 'outOfRange', error: new MillraceError('MR_OUT_OF_RANGE', `${what}; goes on at ${to}, its ${policy}`) })
    return to
  }
}
