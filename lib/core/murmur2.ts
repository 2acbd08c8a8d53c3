/** murmur2 as Kafka's Java client has it (`Utils.murmur2`), or with another seed: a signed 32-bit number. */
export const murmur2 = (bytes: Uint8Array, seed = kafkaSeed): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.length
  const whole = length & ~3
  let hash = seed ^ length
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(view.getInt32(at, true), mixer)
    word = Math.imul(word ^ (word >>> 24), mixer)
    hash = Math.imul(hash, mixer) ^ word
  }
  if (length !== whole) {
    let rest = 0
    for (let at = length - 1; at >= whole; at--) rest = (rest << 8) | view.getUint8(at)
    hash = Math.imul(hash ^ rest, mixer)
  }
  hash = Math.imul(hash ^ (hash >>> 13), mixer)
  return hash ^ (hash >>> 15)
}

/** The partition Kafka's Java client sends a key to. */
export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions

const kafkaSeed = 0x9747b28c
const mixer = 0x5bd1e995
