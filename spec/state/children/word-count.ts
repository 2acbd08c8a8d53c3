import { codec } from '../../../lib/core/codec.js'
import { systemClock } from '../../../lib/core/clock.js'
import { openLmdbFile } from '../../../lib/state/lmdb.js'
import { Overlay } from '../../../lib/state/overlay.js'

// Counts words of its own making for ever, goes on where the file says, and tells each commit.
const [folder = ''] = process.argv.slice(2)
const { file, found } = openLmdbFile(folder, { identity: { app: 'word-count', task: 'lines-0', format: 1 }, clock: systemClock })
const counts = new Overlay({ store: file.store('counts'), key: codec.string, value: codec.number })
const words = new Overlay({ store: file.store('long'), key: codec.string, value: codec.string })
let offset = Number(file.meta.get('offset') ?? 0)
process.stdout.write(`${found}\n`)
for (let commits = 1; ; commits++) {
  const batch = 1 + ((offset * 7919) % 500)
  for (let i = 0; i < batch; i++, offset++) {
    const word = `w${(offset * 2_654_435_761) % 20_011}`
    counts.set(word, (counts.get(word)?.value ?? 0) + 1, offset)
    if (offset % 50 === 0) words.set(word, word.repeat(offset % 1000), offset)
  }
  file.commit(() => {
    counts.flush()
    words.flush()
    file.meta.put('offset', offset)
  })
  counts.flushed()
  words.flushed()
  process.stdout.write(`${commits}\n`)
}
