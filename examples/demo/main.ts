/**
 * Counts the words of Moby-Dick. `npm run demo`, and then once more.
 *
 *   --brokers host:port[,host:port]   on Kafka instead of the log in this process
 *   --fresh                           forget what was counted before (embedded log only)
 */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createApp, isMillraceError, type App, type KTable } from 'millrace'
import { chapters, paragraphCount } from './book.js'
import { paragraphs, wordCount } from './pipeline.js'
import { createProgress } from './progress.js'

const { values: flags } = parseArgs({ options: { brokers: { type: 'string' }, fresh: { type: 'boolean', default: false } } })
const stateDir = flags.brokers === undefined ? '.millrace/demo' : '.millrace/demo-kafka' // state belongs to the log it was made from

const main = async (): Promise<void> => {
  if (flags.fresh) forget()
  const app = createApp({
    id: 'moby-dick',
    stateDir,
    commitEvery: '200ms',
    ...(flags.brokers !== undefined && { brokers: flags.brokers.split(',') }),
  })
  const { text, words, read, updates } = wordCount(app)
  const interrupted = stopOnSignal(app)

  console.log(`Counting the words of Moby-Dick on ${flags.brokers ?? 'the embedded log: no Kafka, no cluster, one process'}.\n`)
  const progress = createProgress(paragraphCount)
  text.subscribe(() => progress.paragraph()) // a stream is an Observable of records
  updates.subscribe(() => progress.word())
  await app.start()
  await settledUnless(interrupted, app)
  const before = await readSoFar(read)
  if (before > 0)
    console.log(
      before < paragraphCount
        ? `Resuming: ${count(before)} paragraphs were counted before.\n`
        : 'Counted before, all of it. Nothing starts over.\n',
    )

  progress.start(before)
  await sendWhatIsMissing(app, read, interrupted)
  await settledUnless(interrupted, app)
  progress.stop()

  if (!interrupted.aborted) await report(words, before)
  await app.stop()
  if (interrupted.aborted) console.log('\nStopped cleanly. Run it again: it goes on where it stands.')
}

/** Paragraphs of a chapter keep their order, so their number says where to go on. */
const sendWhatIsMissing = async (app: App, read: KTable<string, number>, interrupted: AbortSignal): Promise<void> => {
  const counted = new Map<string, number>()
  for await (const [chapter, n] of read.entries()) counted.set(chapter, n)
  for (const { name, paragraphs: all } of chapters) {
    const missing = all.slice(counted.get(name) ?? 0)
    if (interrupted.aborted) return
    await Promise.all(missing.map((paragraph) => app.send(paragraphs, name, paragraph)))
  }
}

const readSoFar = async (read: KTable<string, number>): Promise<number> => {
  let sum = 0
  for await (const [, n] of read.entries()) sum += n
  return sum
}

const report = async (words: KTable<string, number>, before: number): Promise<void> => {
  const all: (readonly [string, number])[] = []
  for await (const entry of words.entries()) all.push(entry)
  const top = all.sort(([, a], [, b]) => b - a).slice(0, 20)
  const most = top[0]?.[1] ?? 1
  console.log(`\n${count(all.length)} different words. The first twenty:\n`)
  for (const [word, n] of top) console.log(`  ${word.padEnd(8)}${count(n).padStart(8)}  ${'█'.repeat(Math.ceil((n / most) * 40))}`)
  console.log(`
What you have now${before === 0 ? '' : ', as before'}
  the table     in LMDB under ${stateDir}, with a changelog topic behind it
  the topic     moby-word-counts, every update of every word

What to try next
  npm run demo                            again: nothing is counted twice
  npm run demo -- --fresh                 from the start; stop it with Ctrl-C and run it again
  npm run demo -- --brokers host:9092     the same program on Kafka
  examples/demo/pipeline.ts               the program: it fits on a screen`)
}

const stopOnSignal = (app: App): AbortSignal => {
  const aborter = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => aborter.abort())
  // A start that hangs on a broker gives up; what runs is stopped by main, when the chapter at hand has been sent.
  aborter.signal.addEventListener('abort', () => app.pause())
  return aborter.signal
}

/** An app that is paused has not settled. */
const settledUnless = async (interrupted: AbortSignal, app: App): Promise<void> => {
  if (!interrupted.aborted) await Promise.race([app.settled(), once(interrupted, 'abort')])
}

const forget = (): void => {
  if (flags.brokers !== undefined)
    throw new Error('--fresh removes the embedded log; on Kafka delete the moby-* topics and the group instead')
  rmSync(stateDir, { recursive: true, force: true })
}

const count = (n: number): string => n.toLocaleString('en')

main().catch((error: unknown) => {
  console.error(isMillraceError(error) ? `\n${error.summary}.\n${error.hint}` : error)
  process.exit(1)
})
