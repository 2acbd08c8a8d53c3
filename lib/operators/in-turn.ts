/** An observer's `next` that works on one item at a time, in order. `work` must not reject. */
export const inTurn = <A>(work: (item: A) => Promise<void>): ((item: A) => void) => {
  const waiting: A[] = []
  let isWorking = false
  const run = async () => {
    isWorking = true
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
    isWorking = false
  }
  return (item) => {
    waiting.push(item)
    if (!isWorking) void run()
  }
}
