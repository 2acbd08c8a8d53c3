import { sleep } from '../core/clock.js'
import type { TaskContext } from '../topology/operator.js'

/** Asks the policy, and waits out its back-off. 'stop': the app is failing, or the task was closed; leave the batch unanswered. */
export const settleFailure = async (task: TaskContext, failure: Parameters<TaskContext['fail']>[0]): Promise<'retry' | 'drop' | 'stop'> => {
  // What a closing task breaks off is no failure of the record: whoever reads it next tries again.
  if (task.signal.aborted) return 'stop'
  const verdict = task.fail(failure)
  if (verdict._tag !== 'retry') return verdict._tag
  await sleep(task.clock, verdict.afterMs)
  return task.signal.aborted ? 'stop' : 'retry'
}
