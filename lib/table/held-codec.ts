import { asBuffer } from '../core/bytes.js'
import type { Codec } from '../core/codec.js'
import type { Entry } from '../topology/operator.js'

/** A result on its way: what is or was to be told, and since when something waits. */
export interface Held<A> {
  readonly told: Entry<A> | undefined
  /** Stream time; null: nothing waits. */
  readonly since: number | null
}

const headBytes = 16
const none = -1

/** since ‖ time of what was told ‖ what was told; -1 where there is none. */
export const heldCodec = <A>(value: Codec<A>): Codec<Held<A>> => ({
  name: `held(${value.name})`,
  encode: ({ told, since }) => {
    const bytes = told === undefined ? null : value.encode(told.value)
    const out = Buffer.alloc(headBytes + (bytes?.length ?? 0))
    out.writeDoubleBE(since ?? none, 0)
    out.writeDoubleBE(told?.timestamp ?? none, 8)
    if (bytes) out.set(bytes, headBytes)
    return out
  },
  decode: (bytes) => {
    const all = asBuffer(bytes ?? Buffer.alloc(headBytes, 0xff))
    const [since, timestamp] = [all.readDoubleBE(0), all.readDoubleBE(8)]
    return {
      since: since === none ? null : since,
      told: timestamp === none ? undefined : { value: value.decode(all.subarray(headBytes)), timestamp },
    }
  },
})
