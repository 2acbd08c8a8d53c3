import { laws } from './all.js'
import { failureOf } from './check.js'
import { pinned } from './pinned.js'
import { play } from './play.js'

/** Of all laws together. */
const histories = Number(process.env['LAWS_HISTORIES'] ?? 10_000)

/**
 * Random histories: late and out-of-order records, null keys and values, batches cut anywhere, several partitions, restarts, crashes
 * (amid a batch, too), lost disks, members that join and leave, at least once and exactly once. After each step the results must be
 * those of a reference that keeps all records and works everything out anew.
 */
describe('a slow and obvious reference', () => {
  it.each(laws)(
    'gives the same: $name',
    async (law) => {
      expect(await failureOf(law, { histories: Math.ceil(histories / laws.length), seed: 20_261_128 })).toBeNull()
    },
    600_000,
  )

  it.each(pinned)('gives the same where it once did not: $fact', async ({ law: name, history }) => {
    const law = laws.find((one) => one.name === name)
    if (law === undefined) throw new Error(`there is no law ${name}`)

    await expect(play(law, history)).resolves.toBeUndefined()
  })
})
