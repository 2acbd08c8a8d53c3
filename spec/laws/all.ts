import type { AnyLaw } from './law.js'
import { streamJoinLaws } from './stream-joins.js'
import { tableJoinLaws } from './table-joins.js'
import { tableLaws } from './tables.js'
import { windowLaws } from './windows.js'

/** Every verb that has a reference. */
export const laws: readonly AnyLaw[] = [...windowLaws, ...streamJoinLaws, ...tableLaws, ...tableJoinLaws]
