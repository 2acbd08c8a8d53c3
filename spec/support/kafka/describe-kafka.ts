import type { KafkaHandle } from './broker.js'
import { kafkaVersions, whyNoKafka, type KafkaVersion } from './jars.js'
import { sharedKafka } from './run-folder.js'

export interface DescribeKafkaOptions {
  readonly version?: KafkaVersion
  /** The suite starts clusters of its own: no shared broker, and not with KAFKA_BROKERS. */
  readonly ownCluster?: boolean
}

const external = process.env['KAFKA_BROKERS']

const reasonToSkip = (options: DescribeKafkaOptions): string | null => {
  if (external !== undefined && external !== '')
    return options.ownCluster === true ? 'KAFKA_BROKERS is set, and this suite breaks brokers' : null
  return whyNoKafka()
}

const unavailable = (): never => {
  throw new Error('beforeAll has not run')
}

/**
 * A suite that needs a real Kafka: KAFKA_BROKERS, or one started from its jars. Where neither is possible it is skipped and
 * says so; with CI=true it fails instead.
 */
export const describeKafka = (title: string, define: (kafka: () => KafkaHandle) => void, options: DescribeKafkaOptions = {}): void => {
  const version = options.version ?? kafkaVersions.current
  const reason = reasonToSkip(options)
  if (reason === null) {
    let handle: KafkaHandle | null = null
    describe(`${title} on Kafka ${external ?? version}`, () => {
      jest.setTimeout(60_000)
      beforeAll(async () => {
        if (external !== undefined && external !== '') handle = externalKafka(external)
        else if (options.ownCluster !== true) handle = await sharedKafka(version)
      }, 300_000)
      define(() => handle ?? unavailable())
    })
  } else if (process.env['CI'] === 'true') {
    describe(title, () => {
      it('has a Kafka to run on', () => {
        throw new Error(`no Kafka: ${reason}`)
      })
    })
  } else {
    process.stderr.write(`\n*** SKIPPED: "${title}" needs Kafka, and ${reason}. CI=true makes this a failure.\n\n`)
    describe.skip(title, () => define(unavailable))
  }
}

/** A suite that needs Kafka's Java client, and no broker. */
export const describeJava = (title: string, define: () => void): void => {
  const reason = whyNoKafka()
  if (reason === null) describe(title, define)
  else if (process.env['CI'] === 'true') {
    describe(title, () => {
      it('has a JVM to run on', () => {
        throw new Error(`no JVM: ${reason}`)
      })
    })
  } else {
    process.stderr.write(`\n*** SKIPPED: "${title}" needs Java, and ${reason}. CI=true makes this a failure.\n\n`)
    describe.skip(title, define)
  }
}

const externalKafka = (brokers: string): KafkaHandle => {
  const refuse = (): never => {
    throw new Error('the brokers of KAFKA_BROKERS are not ours to stop')
  }
  return { brokers: brokers.split(','), version: 'external', on: refuse, kill: refuse, restart: refuse, stop: refuse }
}

let counter = 0
/** A topic, group or other name that no other spec uses: brokers are shared. */
export const uniqueName = (stem: string): string => {
  counter += 1
  return `${stem}-${process.pid}-${Date.now().toString(36)}-${counter}`
}
