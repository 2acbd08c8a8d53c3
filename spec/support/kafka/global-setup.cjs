// Plain JavaScript: jest does not map module names inside a global set-up.
const { mkdirSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

/** Names the folder in which the workers of this run find the brokers that one of them starts. Starts nothing. */
module.exports = async () => {
  const folder = join(tmpdir(), `millrace-kafka-run-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  process.env.MILLRACE_KAFKA_RUN = JSON.stringify({ folder, owner: process.pid })
}
