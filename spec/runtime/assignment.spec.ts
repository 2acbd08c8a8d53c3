import { Assignment, type AssignmentOptions } from '../../lib/runtime/assignment.js'
import type { Task } from '../../lib/runtime/task.js'
import { systemClock } from '../../lib/core/clock.js'
import type { Member, TopicPartition } from '../../lib/transport/port.js'

const at = (partition: number): TopicPartition => ({ topic: 'words', partition })

/** An assignment whose tasks write down what becomes of them. */
const assignment = () => {
  const told: string[] = []
  const nothing = (): void => undefined
  const open: AssignmentOptions['open'] = (plan, member) => {
    const name = `${plan.id} of generation ${member.generation}`
    const task = {
      id: plan.id,
      partition: plan.partition,
      commit: () => Promise.resolve(),
      suspend: nothing,
      restart: () => told.push(`${name} goes on`),
      close: () => told.push(`${name} is closed`),
    }
    return Promise.resolve({ task: task as unknown as Task, run: () => told.push(`${name} runs`) })
  }
  const sub = { name: 'words', inputs: [{ topic: 'words' }] }
  const made = new Assignment({
    plan: { appId: 'app', globals: [], subTopologies: [sub] } as unknown as AssignmentOptions['plan'],
    clock: systemClock,
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    open,
    onState: nothing,
    onRebalance: nothing,
    onOutOfRange: () => Promise.resolve(0),
    fail: (error) => told.push(error.message),
  })
  const assigned = (generation: number, ...partitions: readonly number[]): void =>
    made.assigned({ generation } as Member, partitions.map(at))
  const since = async (): Promise<readonly string[]> => {
    await made.settle()
    return told.splice(0)
  }
  return { made, assigned, since }
}

describe('Assignment', () => {
  it('goes on with a task that the next generation leaves here, where it stood', async () => {
    const { made, assigned, since } = assignment()
    assigned(3, 0, 1)
    await since()
    await made.revoke(1000)
    assigned(4, 0)

    expect(await since()).toEqual(['words-1 of generation 3 is closed', 'words-0 of generation 3 goes on'])
  })

  it('opens a task anew when it has missed a generation: somebody else may have had it', async () => {
    const { made, assigned, since } = assignment()
    assigned(3, 0)
    await since()
    await made.revoke(1000)
    assigned(5, 0)

    expect(await since()).toEqual(['words-0 of generation 3 is closed', 'words-0 of generation 5 runs'])
  })

  it('opens a task anew that it did not have in a generation that was over before it was taken up', async () => {
    const { made, assigned, since } = assignment()
    assigned(3, 0)
    await since()
    await made.revoke(1000)
    assigned(4, 1)
    await made.revoke(1000)
    assigned(5, 0)

    expect(await since()).toContain('words-0 of generation 5 runs')
    expect(await since()).toEqual([])
  })
})
