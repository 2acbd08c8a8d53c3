// TypeScript without a build: in this process, so that a signal reaches the demo itself.
import { fileURLToPath } from 'node:url'

process.env.TSX_TSCONFIG_PATH = fileURLToPath(new URL('../tsconfig.json', import.meta.url))
await import('tsx')
await import('./main.ts')
