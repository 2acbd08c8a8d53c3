import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { argv, execPath, exit, stderr } from 'node:process'

// Every benchmark in its own process, so that none inherits the heap or the optimised code of another.
// `npm run bench -- keyed` runs those whose names contain "keyed"; what follows goes to them: `npm run bench -- peers join`.
const [part = '', ...rest] = argv.slice(2)
const files = readdirSync(__dirname)
  .filter((file) => file.endsWith('.bench.js') && file.includes(part))
  .sort()

if (files.length === 0) stderr.write('no benchmark of that name\n')
const failed = files.filter(
  (file) => spawnSync(execPath, ['--expose-gc', join(__dirname, file), ...rest], { stdio: 'inherit' }).status !== 0,
)
if (failed.length > 0) stderr.write(`failed: ${failed.join(', ')}\n`)
exit(failed.length > 0 || files.length === 0 ? 1 : 0)
