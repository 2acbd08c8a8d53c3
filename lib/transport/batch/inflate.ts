import { isMillraceError, MillraceError, toError } from '../../core/errors.js'
import type { TopicPartition } from '../port.js'
import { codecOf } from './codecs.js'
import { attribute, attributes, baseOffset, compressionOf, corrupt, headerBytes } from './header.js'

/** No batch of a sane producer inflates to more; a few crafted bytes could take all of the memory otherwise. */
const maxBytes = 256 * 1024 * 1024

/** The batch itself when it is not compressed, else its records, without the header. */
export const inflate = (batch: Buffer, at: TopicPartition): Buffer => {
  const compression = compressionOf(batch)
  if (compression === 'none' || batch.length === headerBytes) return batch
  const what = `${at.topic}-${at.partition} at offset ${baseOffset(batch)} is compressed with`
  if (compression === null) throw new MillraceError('MR_COMPRESSION', `${what} codec ${attributes(batch) & attribute.compression}`)
  try {
    return codecOf(compression).decompress(batch.subarray(headerBytes), maxBytes)
  } catch (thrown) {
    if (isMillraceError(thrown, 'MR_COMPRESSION'))
      throw new MillraceError('MR_COMPRESSION', `${what} ${compression}; ${thrown.summary}`, { cause: thrown })
    const error = toError(thrown)
    throw corrupt(at, baseOffset(batch), `its records cannot be inflated with ${compression}: ${error.message}`)
  }
}
