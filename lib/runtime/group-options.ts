import type { Plan } from '../topology/plan.js'
import type { GroupOptions } from '../transport/port.js'
import type { Settings } from './config.js'

/** How an app joins its group: one set of tasks per sub-topology. */
export const groupOptions = (settings: Settings, plan: Plan, { nodeId, held }: Pick<GroupOptions, 'nodeId' | 'held'>): GroupOptions => ({
  groupId: settings.id,
  topics: plan.subTopologies.flatMap(({ inputs }) => inputs.map(({ topic }) => topic)),
  copartitioned: plan.subTopologies.map(({ inputs }) => inputs.map(({ topic }) => topic)),
  nodeId,
  held,
  sessionTimeoutMs: settings.sessionTimeoutMs,
  heartbeatMs: settings.heartbeatMs,
  rebalanceTimeoutMs: settings.rebalanceTimeoutMs,
  fetchWaitMs: settings.fetchWaitMs,
  fetchBytes: settings.fetchBytes,
  bufferBytes: settings.bufferBytes,
})
