import { decide, groupMark, toMetadata, type GroupMark, type Mark } from '../../lib/runtime/recovery.js'

const mark = (writer: string, number: number): Mark => ({ writer, number })

describe('what a start finds', () => {
  it.each<readonly [what: string, file: Mark | null, group: GroupMark, found: string]>([
    ['same writer, same number: the file is the truth', mark('w', 5), mark('w', 5), 'File'],
    ['same writer, file one ahead: it is the truth, its offsets are committed first', mark('w', 6), mark('w', 5), 'FileAhead'],
    ['same writer, file further ahead: the group was out of reach for some commits', mark('w', 9), mark('w', 5), 'FileAhead'],
    ['same writer, file behind: the changelog', mark('w', 4), mark('w', 5), 'Changelog'],
    ['another writer: the changelog', mark('w', 5), mark('v', 5), 'Changelog'],
    ['no file, or one that was being rebuilt, or a store in memory: the changelog', null, mark('w', 5), 'Changelog'],
    ['no file and nothing committed: the changelog', null, 'none', 'Changelog'],
    ['no file and offsets without metadata: the changelog', null, 'unmarked', 'Changelog'],
    ['a file, and offsets without metadata: they were set by hand', mark('w', 5), 'unmarked', 'OffsetsMoved'],
    ['a file of several commits, and no offsets: they were removed by hand', mark('w', 5), 'none', 'OffsetsMoved'],
    ['a new file, and nothing committed: its first commit did not come to its end', mark('w', 0), 'none', 'File'],
    ['a file of one commit, and nothing committed: the group was not told', mark('w', 1), 'none', 'FileAhead'],
    ['inputs committed by different owners: the changelog', mark('w', 5), 'mixed', 'Changelog'],
  ])('%s', (_, file, group, found) => {
    expect(decide(file, group)._tag).toBe(found)
  })
})

describe('groupMark', () => {
  const at = (partition: number, metadata: string) => ({ topic: 't', partition, offset: 1, metadata })

  it('is the mark that all inputs of a task carry', () => {
    const metadata = toMetadata(mark('b6d2-11', 12))

    expect(groupMark([at(0, metadata), at(1, metadata)])).toEqual(mark('b6d2-11', 12))
  })

  it.each<readonly [GroupMark, readonly string[]]>([
    ['none', []],
    ['unmarked', ['', 'by hand']],
    ['mixed', [toMetadata(mark('a', 1)), toMetadata(mark('a', 2))]],
    ['mixed', [toMetadata(mark('a', 1)), toMetadata(mark('b', 1))]],
    ['mixed', [toMetadata(mark('a', 1)), '']],
    ['mixed', ['', toMetadata(mark('a', 1))]],
  ])('is %s for %j', (found, metadata) => {
    expect(groupMark(metadata.map((one, i) => at(i, one)))).toBe(found)
  })
})
