export { startKafka, type KafkaHandle, type KafkaOptions } from './broker.js'
export { describeKafka, uniqueName } from './describe-kafka.js'
export { kafkaVersions, type KafkaVersion } from './jars.js'
