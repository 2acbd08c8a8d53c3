import { systemClock } from '../../../lib/core/clock.js'
import { isMillraceError } from '../../../lib/core/errors.js'
import { openLmdbFile } from '../../../lib/state/lmdb.js'

// Reads every row, says how that ended, and stops in good order.
const [folder = ''] = process.argv.slice(2)
const { file, found } = openLmdbFile(folder, { identity: { app: 'word-count', task: 'lines-0', format: 1 }, clock: systemClock })
process.stdout.write(`${found}\n`)
const store = file.store('counts')
let code = 'none'
try {
  for (let i = 0; i < 20_011; i++) store.get(Buffer.from(`w${i}`))
} catch (error) {
  code = isMillraceError(error) ? error.code : String(error)
}
process.stdout.write(`${code}\n`)
file.close()
