import { sleep } from '../core/clock.js'
import type { TaskContext } from '../topology/operator.js'

/** Asks the policy, and waits out its back-off. 'stop': the app is failing; leave the batch unanswered. */
export const settleFailure = async (task: TaskContext, failure: Parameters<TaskContext['fail']>[0]): Promise<'retry' | 'drop' | 'stop'> => {
  const verdict = task.fail(failure)
  if (verdict._tag === 'retry') await sleep(task.clock, verdict.afterMs)
  return verdict._tag
}
