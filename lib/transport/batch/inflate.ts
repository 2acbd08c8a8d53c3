import { gunzipSync } from 'node:zlib'
import { MillraceError, toError } from '../../core/errors.js'
import type { TopicPartition } from '../port.js'
import { attribute, attributes, baseOffset, corrupt, headerBytes } from './header.js'

/** No batch of a sane broker inflates to more; a few crafted bytes could take all of the memory otherwise. */
const maxBytes = 512 * 1024 * 1024

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** The batch itself when it is not compressed, else its records, without the header. */
export const inflate = (batch: Buffer, at: TopicPartition): Buffer => {
  const codec = attributes(batch) & attribute.compression
  if (codec === 0) return batch
  if (codec !== 1)
    throw new MillraceError(
      'MR_COMPRESSION',
      `${at.topic}-${at.partition} at offset ${baseOffset(batch)} is compressed with ${codecs[codec] ?? `codec ${codec}`}`,
    )
  try {
    return gunzipSync(batch.subarray(headerBytes), { maxOutputLength: maxBytes })
  } catch (error) {
    throw corrupt(at, baseOffset(batch), `gunzip says: ${toError(error).message}`)
  }
}
