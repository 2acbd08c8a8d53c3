import { openSlot } from '../../../lib/state/slot.js'

// Takes a slot, says which, and keeps it until it is killed.
const [stateDir = '', appId = ''] = process.argv.slice(2)
const slot = openSlot(stateDir, appId)
process.stdout.write(`${slot.folder} ${slot.nodeId}\n`)
process.stdin.resume()
setInterval(() => undefined, 1_000_000)
