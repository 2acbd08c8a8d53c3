/** One line that is rewritten on a terminal; elsewhere a line every second. */
export const createProgress = (of: number) => {
  let done = 0
  let words = 0
  let before = { paragraphs: 0, words: 0, at: 0 }
  let timer: NodeJS.Timeout | undefined
  const isTerminal = process.stdout.isTTY
  const text = () => {
    const seconds = (performance.now() - before.at) / 1000
    const rate = Math.round((words - before.words + done - before.paragraphs) / seconds)
    const percent = Math.floor((100 * done) / of)
    const bar = '█'.repeat(Math.round(percent / 4)).padEnd(25, '░')
    return `${bar} ${String(percent).padStart(3)} %   ${done.toLocaleString('en')} paragraphs   ${(words - before.words).toLocaleString('en')} words   ${rate.toLocaleString('en')} records/s`
  }
  const show = () => process.stdout.write(isTerminal ? `\r${text()}\u001b[K` : `${text()}\n`)
  return {
    paragraph: () => void done++,
    word: () => void words++,
    /** `already`: how many were done before this run. */
    start: (already: number) => {
      done = already
      before = { paragraphs: already, words, at: performance.now() }
      timer = setInterval(show, isTerminal ? 80 : 1000)
    },
    stop: () => {
      clearInterval(timer)
      if (done > before.paragraphs) show()
      if (isTerminal) process.stdout.write('\n')
    },
  }
}
