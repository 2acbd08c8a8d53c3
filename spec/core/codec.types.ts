// The type of a codec is that of its values, also through a schema and another codec.
import type { Option } from 'fp-ts/lib/Option.js'
import * as v from 'valibot'
import { z } from 'zod'
import { codec, type Codec } from '../../lib/core/codec.js'
import type { Windowed } from '../../lib/core/record.js'
import type { Equal, Expect } from '../support/types.js'

const unchecked = codec.json()
const claimed = codec.json<{ a: string }>()
const fromZod = codec.json(z.object({ a: z.coerce.number() }))
const fromValibot = codec.json(v.object({ a: v.optional(v.string(), 'x') }))
const windows = codec.windowed(codec.option(codec.int64))

export type Checked = [
  Expect<Equal<typeof unchecked, Codec<unknown>>>,
  Expect<Equal<typeof claimed, Codec<{ a: string }>>>,
  Expect<Equal<typeof fromZod, Codec<{ a: number }>>>,
  Expect<Equal<typeof fromValibot, Codec<{ a: string }>>>,
  Expect<Equal<typeof windows, Codec<Windowed<Option<bigint>>>>>,
]
