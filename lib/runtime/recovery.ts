import type { CommittedOffset } from '../transport/port.js'

/**
 * What a start finds. Offsets alone do not identify a commit, so each has a number and a writer (a random id made with the
 * file); both are in the file, in the metadata of every committed offset, and in the entry that opens a commit in a changelog.
 */
export interface Mark {
  readonly writer: string
  readonly number: number
}
export type GroupMark = Mark | 'none' | 'unmarked' | 'mixed'

export type Found =
  /** The file says which inputs it contains: resume from its offsets. */
  | { readonly _tag: 'File' }
  /** As File, but the process died between the commit of the file and that of the group: commit its offsets first. */
  | { readonly _tag: 'FileAhead' }
  /** Exactly-once: what the file holds never was in the log. Everything is read again from the changelog. */
  | { readonly _tag: 'StateAhead' }
  /** Roll the changelog forward to its end, resume from the offsets of the group. */
  | { readonly _tag: 'Changelog' }
  | { readonly _tag: 'OffsetsMoved' }

/** `file` is null when there is none that can be trusted: new, half rebuilt, or in memory. */
export const decide = (file: Mark | null, group: GroupMark, isExactlyOnce = false): Found => {
  const ahead = { _tag: isExactlyOnce ? 'StateAhead' : 'FileAhead' } as const
  if (file === null) return { _tag: 'Changelog' }
  if (group === 'mixed') return { _tag: 'Changelog' }
  if (group === 'unmarked') return { _tag: 'OffsetsMoved' }
  // Nothing was ever committed: number 0 is a file whose first commit did not come to its end.
  if (group === 'none') return file.number === 0 ? { _tag: 'File' } : file.number === 1 ? ahead : { _tag: 'OffsetsMoved' }
  if (group.writer !== file.writer) return { _tag: 'Changelog' }
  if (group.number === file.number) return { _tag: 'File' }
  // Ahead by more than one: the group could not be reached for some commits. Nobody else has committed, or the writer would differ.
  return group.number < file.number ? ahead : { _tag: 'Changelog' }
}

const version = 'mr1'

export const toMetadata = ({ writer, number }: Mark): string => `${version}:${writer}:${number}`

const fromMetadata = (metadata: string): Mark | null => {
  const [tag, writer, number] = metadata.split(':')
  return tag === version && writer !== undefined && number !== undefined ? { writer, number: Number(number) } : null
}

/** All inputs of a task are committed together, so their marks are one; anything else is another's doing. */
export const groupMark = (committed: readonly CommittedOffset[]): GroupMark => {
  const [first, ...others] = committed.map(({ metadata }) => fromMetadata(metadata))
  if (first === undefined) return 'none'
  if (first === null) return others.every((mark) => mark === null) ? 'unmarked' : 'mixed'
  return others.every((mark) => mark !== null && mark.writer === first.writer && mark.number === first.number) ? first : 'mixed'
}
