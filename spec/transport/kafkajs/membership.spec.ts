import { connect, type Socket } from 'node:net'
import { AssignerProtocol, Kafka, logLevel } from 'kafkajs'
import { sleep, systemClock } from '../../../lib/core/clock.js'
import { kafkaTransport } from '../../../lib/transport/kafkajs/transport.js'
import type { Transport } from '../../../lib/transport/port.js'
import { encodeUserData } from '../../../lib/transport/user-data.js'
import { describeKafka, uniqueName } from '../../support/kafka/index.js'
import { text } from '../batch/kafkajs-codec.js'
import { groupOptions, produce, Recorder } from '../recorder.js'

describeKafka('a member', (kafka) => {
  let transport: Transport
  beforeEach(() => {
    transport = kafkaTransport({ brokers: kafka().brokers, clientId: 'member', clock: systemClock })
  })
  afterEach(() => transport.close())

  const topicOf = async (partitions: number): Promise<string> => {
    const name = uniqueName('member')
    await transport.createTopics([{ name, partitions, config: {} }])
    return name
  }

  it('is refused where a topic does not exist', async () => {
    const joining = transport.join(groupOptions(uniqueName('group'), ['not-there']), new Recorder())

    await expect(joining).rejects.toMatchObject({ code: 'MR_TOPIC_MISSING' })
  })

  it('is not alive when it reads the answer to its join a session later, before the coordinator is heard again', async () => {
    const topic = await topicOf(1)
    const syncGroup = 14
    let sleptMs = 0
    // A process that sleeps between the last request of its join and the answer.
    const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
      const socket = connect({ host, port }, onConnect)
      const write: (chunk: Buffer, encoding: BufferEncoding) => boolean = socket.write.bind(socket)
      const sleeping = (chunk: Buffer, encoding: BufferEncoding): boolean => {
        if (chunk.readInt16BE(4) === syncGroup) sleptMs = 60_000
        return write(chunk, encoding)
      }
      return Object.assign(socket, { write: sleeping })
    }
    const clock = { ...systemClock, now: () => Date.now() + sleptMs }
    const sleeper = kafkaTransport({ brokers: kafka().brokers, kafka: { socketFactory }, clientId: 'sleeper', clock })
    const recorder = new Recorder()
    let wasAlive = true
    recorder.startAt = () => {
      wasAlive = recorder.member.isAlive()
      return 0
    }
    await sleeper.join(groupOptions(uniqueName('group'), [topic], { sessionTimeoutMs: 6000, heartbeatMs: 200 }), recorder)

    expect(wasAlive).toBe(false)
    while (!recorder.member.isAlive()) await sleep(systemClock, 20)
    await sleeper.close()
  })

  it('loses its generation when it was silent for too long, and rejoins by itself', async () => {
    const topic = await topicOf(1)
    const recorder = new Recorder()
    const options = { sessionTimeoutMs: 1500, heartbeatMs: 300 }
    await transport.join(groupOptions(uniqueName('group'), [topic], options), recorder)
    const old = recorder.member

    // Nothing runs in this process meanwhile: the broker hears no heartbeat, and no other member is there to notice.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000)
    const wasAlive = old.isAlive()
    await recorder.until(() => recorder.generations.length > 1)

    expect(wasAlive).toBe(false)
    expect(recorder.events.filter((event) => !event.startsWith('chunk') && !event.startsWith('trouble'))).toEqual([
      'assigned',
      'lost',
      'assigned',
    ])
    await expect(old.commit([{ topic, partition: 0, offset: 1, metadata: '' }])).rejects.toMatchObject({ code: 'MR_FENCED' })
    expect(recorder.member.isAlive()).toBe(true)
  })

  it('stays a member while it drains for longer than its session', async () => {
    const topic = await topicOf(2)
    const group = uniqueName('group')
    const options = { sessionTimeoutMs: 1500, heartbeatMs: 300, rebalanceTimeoutMs: 8000 }
    const first = new Recorder()
    first.onRevoke = async (member) => {
      await new Promise((resolve) => setTimeout(resolve, 2500))
      await member.commit([{ topic, partition: 0, offset: 3, metadata: 'drained' }])
    }
    await transport.join(groupOptions(group, [topic], { ...options, nodeId: 'a' }), first)

    const second = new Recorder()
    await transport.join(groupOptions(group, [topic], { ...options, nodeId: 'b' }), second)
    await first.until(() => first.generations.length > 1)
    first.onRevoke = () => Promise.resolve()

    expect(first.events.filter((event) => event !== 'chunk')).toEqual(['assigned', 'revoke', 'revoked', 'assigned'])
    const committed = await second.member.committed([{ topic, partition: 0 }])
    expect(committed).toEqual([{ topic, partition: 0, offset: 3, metadata: 'drained' }])
  })

  it('shares a group with a later release, whose user data are of a higher version and say more', async () => {
    const topic = await topicOf(4)
    const group = uniqueName('group')
    const ours = new Recorder()
    await transport.join(groupOptions(group, [topic], { nodeId: 'a' }), ours)

    const [, ...known] = encodeUserData({ nodeId: 'b', held: [1, 3].map((partition) => ({ set: 0, partition })) })
    const userData = Buffer.from([9, ...known, 1, 2, 3])
    const later = new Kafka({ brokers: kafka().brokers, clientId: 'later', logLevel: logLevel.NOTHING }).consumer({
      groupId: group,
      partitionAssigners: [
        () => ({
          name: 'millrace',
          version: 0,
          protocol: () => ({
            name: 'millrace',
            metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics: [topic], userData }),
          }),
          assign: () => Promise.reject(new Error('the first member leads the group')),
        }),
      ],
    })
    const assigned = new Promise<Record<string, number[]>>((resolve) => {
      later.on('consumer.group_join', ({ payload }) => resolve(payload.memberAssignment))
    })
    await later.subscribe({ topics: [topic] })
    await later.run({ autoCommit: false, eachBatch: () => Promise.resolve() })

    expect((await assigned)[topic]?.sort()).toEqual([1, 3])
    await ours.until(() => ours.generations.length > 1)
    expect(ours.names).toEqual([`${topic}-0`, `${topic}-2`])
    await later.disconnect()
  })

  it('leaves the group when the transport closes: the next one need not wait for its session', async () => {
    const topic = await topicOf(1)
    const group = uniqueName('group')
    const other = kafkaTransport({ brokers: kafka().brokers, clientId: 'other', clock: systemClock })
    const options = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 60_000 }
    await other.join(groupOptions(group, [topic], options), new Recorder())

    await other.close()
    const admin = new Kafka({ brokers: kafka().brokers }).admin()
    await admin.connect()
    const described = await admin.describeGroups([group])
    await admin.disconnect()

    expect(described.groups[0]?.members).toEqual([])
  })

  it('takes a topic that is deleted under it as the end of the membership', async () => {
    const [topic, kept] = [await topicOf(1), await topicOf(1)]
    const recorder = new Recorder()
    await transport.join(groupOptions(uniqueName('group'), [topic, kept]), recorder)
    await produce(transport, { topic, partition: 0 }, [text('k', 'v')])
    await recorder.until(() => recorder.values.length === 1)

    const admin = new Kafka({ brokers: kafka().brokers }).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
    await recorder.until(() => recorder.events.some((event) => event.startsWith('failed')))

    expect(recorder.events.filter((event) => event.startsWith('failed'))).toEqual(['failed MR_TOPIC_DELETED'])
  })
})
