import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../lib/core/clock.js'
import { createMemoryLog, leaseLog } from '../../lib/transport/embedded/registry.js'
import { embeddedTransport } from '../../lib/transport/embedded/transport.js'
import { describeTransport, type ContractSubject } from './port-contract.js'
import { describeTransactions } from './transaction-contract.js'

const inMemory = async (): Promise<ContractSubject> => {
  const log = createMemoryLog({ clock: systemClock })
  const transport = await embeddedTransport({ log, clock: systemClock })
  return { transport, close: () => transport.close(), compact: () => log.clean() }
}

const inFolder = async (): Promise<ContractSubject> => {
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
}

describeTransport('the embedded log in memory', inMemory)
describeTransport('the embedded log in a folder', inFolder)
describeTransactions('transactions of the embedded log in memory', inMemory)
describeTransactions('transactions of the embedded log in a folder', inFolder)
