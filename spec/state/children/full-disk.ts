import { systemClock } from '../../../lib/core/clock.js'
import { isMillraceError } from '../../../lib/core/errors.js'
import { openLmdbFile } from '../../../lib/state/lmdb.js'

// Runs where files may not grow beyond some size: the kernel then refuses writes as it does on a full disk.
const [folder = ''] = process.argv.slice(2)
const { file } = openLmdbFile(folder, { identity: { app: 'a', task: 't', format: 1 }, clock: systemClock })
const store = file.store('s')
const key = (i: number): Buffer => Buffer.from(`key-${i}`)
const row = (bytes: number) => ({ value: Buffer.alloc(bytes, 1), timestamp: 1 })

file.commit(() => {
  store.put(key(0), row(10))
  file.meta.put('offset', 1)
})
let code = 'none'
try {
  file.commit(() => {
    file.meta.put('offset', 2)
    store.remove(key(0))
    for (let i = 1; i < 5000; i++) store.put(key(i), row(1000))
  })
} catch (error) {
  code = isMillraceError(error) ? error.code : String(error)
}
const after = { code, count: store.count(), offset: file.meta.get('offset') }
file.commit(() => {
  store.put(key(1), row(10))
  file.meta.put('offset', 3)
})
process.stdout.write(`${JSON.stringify({ ...after, then: { count: store.count(), offset: file.meta.get('offset') } })}\n`)
file.close()
