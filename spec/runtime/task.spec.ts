import { Task } from '../../lib/runtime/task.js'
import type { Services } from '../../lib/runtime/services.js'
import type { TaskStores } from '../../lib/runtime/task-stores.js'
import { VirtualClock } from '../../lib/testing/virtual-clock.js'
import { turn } from '../support/working-task.js'

describe('a task that does not run', () => {
  it('asks for no commit, however much is uncommitted: it would ask for ever', async () => {
    const nothing = (): void => undefined
    let asked = 0
    const services = {
      clock: new VirtualClock(0),
      openCommits: () => ({ outbox: { stagedBytes: 0 } }),
      dirtyBytes: 1000,
      onProgress: nothing,
      requestCommit: (task: Task) => {
        if (++asked < 10 && !task.isCommitting) void task.commit()
      },
    }
    const stores = { dirtyBytes: 2000, all: [], close: nothing }
    const task = new Task('t-0', 0, [], stores as unknown as TaskStores, { writer: 'w', number: 1 }, services as unknown as Services)

    await task.commit()
    await turn()

    expect(asked).toBe(0)
  })
})
