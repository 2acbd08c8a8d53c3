import { setTimeout as sleep } from 'node:timers/promises'
import { campaign, type CampaignOptions, type CampaignResult } from './campaign.js'
import { sessionTimeoutMs } from './messages.js'
import type { Seat } from './seat.js'
import { stepsOf, type Mode, type Step } from './steps.js'

/** How often each blow fell. */
export type Blows = Readonly<Record<string, number>>

/**
 * One of the workers is killed at a random moment or at a step of its commit, or stopped until its partitions have moved and then
 * woken; every fourth time its disk goes with it.
 */
export const siege = ({ kills, ...options }: CampaignOptions & { readonly kills: number }): Promise<CampaignResult<Blows>> =>
  campaign(options, async (seats, random) => {
    const blows = blowsOf(options.mode)
    const fallen: Record<string, number> = {}
    for (let kill = 0; kill < kills; kill++) {
      await sleep(200 + random() * 600)
      const seat = seats[random() < 0.5 ? 0 : 1]
      const name = await (blows[kill % blows.length] ?? killAtRandom)(seat, random)
      const losesDisk = !seat.isAlive && random() < 0.25
      if (losesDisk) seat.loseDisk()
      if (!seat.isAlive) await seat.start()
      fallen[name] = (fallen[name] ?? 0) + 1
      options.log(`${kill + 1}/${kills} ${name}${losesDisk ? ', disk lost' : ''}`)
    }
    return fallen
  })

/** Resolves with its name. */
type Blow = (seat: Seat, random: () => number) => Promise<string>

const killAtRandom: Blow = async (seat) => {
  seat.signal('SIGKILL')
  await seat.end()
  return 'at random'
}

const longestWaitForStepMs = 8000

const killAt =
  (step: Step): Blow =>
  async (seat, random) => {
    seat.order({ dieAt: step })
    const isDead = await Promise.race([seat.end().then(() => true), sleep(longestWaitForStepMs, false, { ref: false })])
    // A worker without a task commits nothing.
    return isDead ? `${step.api} ${step.moment}` : killAtRandom(seat, random)
  }

const makeZombie: Blow = async (seat, random) => {
  seat.signal('SIGSTOP')
  await sleep(sessionTimeoutMs * (1.3 + random()))
  seat.signal('SIGCONT')
  return 'stopped and woken'
}

/** Steps of the commit, each in its turn; of seven blows one is at random and one makes a zombie. */
const blowsOf = (mode: Mode): readonly Blow[] =>
  stepsOf(mode).flatMap((step, i) => [killAt(step), ...(i % 5 === 2 ? [killAtRandom] : []), ...(i % 5 === 4 ? [makeZombie] : [])])
