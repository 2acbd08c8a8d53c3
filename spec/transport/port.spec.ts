import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../lib/core/clock.js'
import { createMemoryLog, leaseLog } from '../../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../../lib/transport/embedded/transport.js'
import { describeTransport } from './port-contract.js'

describeTransport('the embedded log in memory', async () => {
  const log = createMemoryLog({ clock: systemClock })
  const transport = await embeddedTransport({ log, clock: systemClock })
  return { transport, close: () => transport.close(), compact: () => log.clean() }
})

describeTransport('the embedded log in a folder', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'millrace-log-'))
  const transport = await embeddedTransport({ stateDir, clock: systemClock })
  const compact = async (): Promise<void> => {
    const { log, release } = leaseLog(stateDir, systemClock)
    await log.clean()
    release()
  }
  const close = async (): Promise<void> => {
    await transport.close()
    rmSync(stateDir, { recursive: true })
  }
  return { transport, close, compact }
})
