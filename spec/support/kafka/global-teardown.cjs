const { readFileSync, readdirSync, rmSync } = require('node:fs')
const { join } = require('node:path')

const kill = (pid) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it is gone already
  }
}

/** Kills the brokers of this run and removes their data. Where jest itself is killed, each broker notices and ends. */
module.exports = async () => {
  const { folder } = JSON.parse(process.env.MILLRACE_KAFKA_RUN)
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const cluster = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    cluster.pids.forEach(kill)
    rmSync(cluster.folder, { recursive: true, force: true, maxRetries: 5 })
  }
  rmSync(folder, { recursive: true, force: true })
}
