import { verdict } from '../crash/verdict.js'
import { describeKafka, startKafka, uniqueName, type KafkaHandle } from '../support/kafka/index.js'
import { Leadership } from '../support/kafka/leadership.js'
import { FedApp } from './fed-app.js'

type Role = 'inputs' | 'outputs' | 'groups' | 'transactions'

const roleOf = (topic: string): Role => {
  if (topic === '__consumer_offsets') return 'groups'
  if (topic === '__transaction_state') return 'transactions'
  return topic.endsWith('-in') ? 'inputs' : 'outputs'
}

describeKafka(
  'two apps, one for each delivery, on a cluster of three',
  () => {
    let kafka: KafkaHandle
    let leadership: Leadership
    let apps: readonly FedApp[] = []
    beforeAll(async () => {
      kafka = await startKafka({ nodes: 3 })
      leadership = new Leadership(kafka)
      const modes = ['at-least-once', 'exactly-once'] as const
      apps = await Promise.all(modes.map((mode) => FedApp.start(uniqueName(mode), mode, kafka.brokers)))
    }, 240_000)
    afterAll(async () => {
      await Promise.all(apps.map((app) => app.stop()))
      await kafka.stop()
    }, 60_000)

    const progress = () => Promise.all(apps.map((app) => app.progress()))

    /** While it happens the apps are fed; then Kafka's own reader judges all that they have ever written. */
    const during = async (happen: () => Promise<unknown>) => {
      await leadership.whole()
      for (const { feed } of apps) feed.start()
      await progress()
      const before = apps.map(({ states }) => states.length)
      await happen()
      const faults = await verdict(kafka.brokers, await Promise.all(apps.map((app) => app.work())))
      return { faults, states: apps.map(({ states }, i) => states.slice(before[i])) }
    }

    /** The victim has that role, and no other. */
    const standAlone = (role: Role, victim: number) =>
      leadership.place((topic) => (roleOf(topic) === role ? victim : (victim + (roleOf(topic) === 'groups' ? 1 : 2)) % 3))

    it.each([
      ['the inputs', 'inputs', 0],
      ['outputs, changelogs and repartition topics', 'outputs', 1],
      ['the state of transactions', 'transactions', 2],
    ] as const)(
      'go on without the leader of %s, in the generation they are in',
      async (_, role, victim) => {
        await standAlone(role, victim)
        const { faults, states } = await during(async () => {
          await kafka.kill(victim)
          await progress()
          await kafka.restart(victim)
        })

        expect(faults).toEqual([])
        expect(states.flat()).not.toContain('rebalancing')
      },
      180_000,
    )

    it('go on without the coordinator of their groups', async () => {
      await standAlone('groups', 0)
      const { faults } = await during(async () => {
        await kafka.kill(0)
        await progress()
        await kafka.restart(0)
      })

      expect(faults).toEqual([])
    }, 180_000)

    it('do not join again when every leader moves but that of their group', async () => {
      await standAlone('inputs', 0)
      const { faults, states } = await during(async () => {
        await leadership.place((topic) => (roleOf(topic) === 'groups' ? 1 : roleOf(topic) === 'inputs' ? 2 : 0))
        await progress()
      })

      expect(faults).toEqual([])
      expect(states.flat()).toEqual([])
    }, 180_000)

    it('go on without a broker that is silent until it leads nothing, and with it when it wakes', async () => {
      await leadership.place((topic) => (roleOf(topic) === 'groups' ? 0 : 1))
      const { faults } = await during(async () => {
        await kafka.kill(1, 'SIGSTOP')
        await leadership.deprived(1)
        await progress()
        await kafka.kill(1, 'SIGCONT')
        await progress()
      })

      expect(faults).toEqual([])
    }, 180_000)

    it('go on while all three are restarted one after another', async () => {
      await leadership.place((topic) => topic.length % 3)
      const { faults } = await during(async () => {
        for (const node of [0, 1, 2]) {
          await kafka.kill(node, 'SIGTERM')
          await kafka.restart(node)
          await leadership.whole()
        }
        await progress()
      })

      expect(faults).toEqual([])
    }, 240_000)
  },
  { ownCluster: true },
)
