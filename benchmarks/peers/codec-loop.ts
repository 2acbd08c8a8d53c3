/** A loop by hand on our own wire: what a pipeline could cost at least. Acknowledged outputs, then offsets, once a second. */
import { systemClock } from '../../lib/core/clock.js'
import { noHeaders } from '../../lib/core/headers.js'
import { partitionOf } from '../../lib/core/murmur2.js'
import { readBatch } from '../../lib/transport/batch/reader.js'
import { kafkaTransport } from '../../lib/transport/kafkajs/transport.js'
import type { Chunk, GroupListener, Member } from '../../lib/transport/port.js'
import { allPartitions, partitions, type Order } from './contest.js'
import { compete, contest, seen } from './node-peer.js'

const mostPending = 8 * 1024 * 1024

void compete(async () => {
  const transport = kafkaTransport({ brokers: contest.brokers, clientId: contest.id, clock: systemClock })
  const producer = await transport.producer()
  const positions = new Map<number, number>()
  let unacknowledged = 0
  let drained: () => void = () => undefined
  const paused = new Set<number>()
  let current: Member | null = null
  const delivery = {
    delivered: (some: number) => {
      unacknowledged -= some
      if (unacknowledged === 0) drained()
      if (producer.pendingBytes > mostPending / 2) return
      for (const partition of paused) current?.resume({ topic: contest.input, partition })
      paused.clear()
    },
    failed: (error: Error) => {
      throw error
    },
  }
  const take = (chunk: Chunk): void => {
    seen()
    for (const batch of chunk.batches) {
      for (const { key, value, timestamp } of readBatch(batch, chunk.fetchOffset, chunk)) {
        const order = JSON.parse((value as Buffer).toString()) as Order
        if (order.amount < 100) continue
        unacknowledged += 1
        const record = {
          key,
          value: Buffer.from(JSON.stringify({ id: order.id, cents: order.amount * 100 })),
          timestamp,
          headers: noHeaders,
        }
        producer.append({ topic: contest.output, partition: partitionOf(key as Buffer, partitions) }, record, delivery, null)
      }
    }
    positions.set(chunk.partition, chunk.nextOffset)
    current?.taken(chunk, chunk.byteLength)
    if (producer.pendingBytes < mostPending) return
    paused.add(chunk.partition)
    current?.pause({ topic: contest.input, partition: chunk.partition })
  }
  const listener: GroupListener = {
    revoke: () => Promise.resolve(),
    assigned: (member, assigned) => {
      current = member
      assigned.forEach((at) => member.start({ ...at, offset: 0 }))
    },
    chunk: take,
    lost: () => undefined,
    outOfRange: () => undefined,
    failed: (error) => {
      throw error
    },
  }
  const member = await transport.join(
    {
      groupId: contest.id,
      topics: [contest.input],
      copartitioned: [[contest.input]],
      nodeId: 'hand',
      held: () => [],
      sessionTimeoutMs: 30_000,
      heartbeatMs: 3000,
      rebalanceTimeoutMs: 60_000,
      fetchWaitMs: 100,
      fetchBytes: 1024 * 1024,
      bufferBytes: 64 * 1024 * 1024,
    },
    listener,
  )
  const commit = async (): Promise<void> => {
    const offsets = allPartitions(contest.input).map((at) => ({ ...at, offset: positions.get(at.partition) ?? 0, metadata: '' }))
    producer.flush()
    if (unacknowledged > 0) await new Promise<void>((resolve) => (drained = resolve))
    await member.commit(offsets)
  }
  const timer = setInterval(() => void commit(), 1000)
  return async () => {
    clearInterval(timer)
    await commit()
    await member.leave(1000)
    await producer.close()
    await transport.close()
  }
})
