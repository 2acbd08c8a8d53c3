/** Example 03 as it is, and beside it, in the same process and on the same log, somebody who sends orders. */
import { createApp } from 'millrace'
import { orders } from '../../examples/shop.js'

const main = async (): Promise<void> => {
  await import('../../examples/03-embedded-in-rxjs.js')
  const shop = createApp({ id: 'shop' })
  shop.stream(orders).each(() => undefined)
  await shop.start()
  for (const amount of [10, 20, 12.5]) await shop.send(orders, 'ada', { id: 'o', user: 'ada', amount, at: 1000 })
  process.once('SIGTERM', () => void shop.stop())
}
main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
