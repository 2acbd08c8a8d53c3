import { setTimeout as sleep } from 'node:timers/promises'
import { campaign, type CampaignOptions, type CampaignResult } from './campaign.js'

export interface Soaked {
  readonly rebalances: number
  /** Of the worker that stays, in MB: one number a minute. */
  readonly rss: readonly number[]
}

/** One worker stays; the other leaves, in good order or not, and comes back, again and again. */
export const soak = ({ minutes, ...options }: CampaignOptions & { readonly minutes: number }): Promise<CampaignResult<Soaked>> =>
  campaign(options, async ([staying, moving], random) => {
    const rss: number[] = []
    let rebalances = 0
    for (let minute = 1; minute <= minutes; minute++) {
      const until = performance.now() + 60_000
      while (performance.now() < until) {
        await sleep(1000 + random() * 3000)
        if (random() < 0.3) moving.signal('SIGKILL')
        else moving.signal('SIGTERM')
        await moving.end()
        await moving.start()
        rebalances += 2
      }
      rss.push(Math.round(staying.rss / 2 ** 20))
      options.log(`${minute}/${minutes} min, ${rebalances} rebalances, ${String(rss.at(-1))} MB`)
    }
    return { rebalances, rss }
  })
