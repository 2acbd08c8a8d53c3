import { argv, cpuUsage, resourceUsage, stdout } from 'node:process'
import type { Contest, Report } from './contest.js'

export const contest = JSON.parse(argv[2] ?? '') as Contest

export const report = (line: Report): void => void stdout.write(`${JSON.stringify(line)}\n`)

let cpuAtFirst: NodeJS.CpuUsage | undefined

/** Says when the first record is here; always true. */
export const seen = (): true => {
  if (cpuAtFirst === undefined) {
    cpuAtFirst = cpuUsage()
    report({ firstAt: Date.now() })
  }
  return true
}

/** Works until it is told to stop, and says what that cost. */
export const compete = async (start: () => Promise<() => Promise<void>>): Promise<void> => {
  const told = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
  const stop = await start()
  await told
  await stop()
  // A restore is over when the first record is here: all of the process counts.
  const { user, system } = cpuUsage(contest.workload === 'restore' ? undefined : cpuAtFirst)
  report({ cpuUs: user + system, rssKb: resourceUsage().maxRSS })
  process.exit(0)
}
