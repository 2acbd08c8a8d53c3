import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSlot } from '../../lib/state/slot.js'
import { startChild } from './children/child.js'
import { tempFolder } from './temp-folder.js'

describe('openSlot', () => {
  it('takes the lowest slot that is free, also among members of one process', () => {
    const stateDir = tempFolder()
    const [a, b, c] = [openSlot(stateDir, 'app'), openSlot(stateDir, 'app'), openSlot(stateDir, 'other')]
    expect([a, b, c].map(({ folder }) => folder)).toEqual([
      join(stateDir, 'app', 'slot-0'),
      join(stateDir, 'app', 'slot-1'),
      join(stateDir, 'other', 'slot-0'),
    ])

    a.release()
    a.release()
    const again = openSlot(stateDir, 'app')

    expect(again.folder).toBe(a.folder)
    expect(again.nodeId).toBe(a.nodeId)
    expect(new Set([a.nodeId, b.nodeId, c.nodeId]).size).toBe(3)
    for (const slot of [again, b, c]) slot.release()
  })

  it('passes over the slot of a live process, and takes that of a killed one at once, with its node id', async () => {
    const stateDir = tempFolder()
    const child = startChild('slot-holder.ts', [stateDir, 'app'])
    const [folder, nodeId] = ((await child.nextLine()) ?? '').split(' ')
    expect(folder).toBe(join(stateDir, 'app', 'slot-0'))

    const beside = openSlot(stateDir, 'app')
    expect(beside.folder).toBe(join(stateDir, 'app', 'slot-1'))

    child.kill()
    await child.ended
    const heir = openSlot(stateDir, 'app')
    expect([heir.folder, heir.nodeId]).toEqual([folder, nodeId])
    beside.release()
    heir.release()
  }, 60_000)

  it('lists the tasks that have a folder, not what was set aside', () => {
    const slot = openSlot(tempFolder(), 'app')
    expect(slot.held()).toEqual([])
    for (const name of ['words-1', 'lines-0', 'lines-0.trash']) mkdirSync(join(slot.folder, name))

    expect(slot.held()).toEqual(['lines-0', 'words-1'])
    expect(slot.taskFolder('lines-0')).toBe(join(slot.folder, 'lines-0'))
    expect(existsSync(slot.taskFolder('lines-7'))).toBe(false)
    slot.release()
  })

  it('makes a new node id when the old one cannot be read', () => {
    const stateDir = tempFolder()
    const before = openSlot(stateDir, 'app')
    writeFileSync(join(before.folder, 'node.json'), '{')
    before.release()

    const slot = openSlot(stateDir, 'app')

    expect(slot.nodeId).not.toBe(before.nodeId)
    expect(JSON.parse(readFileSync(join(slot.folder, 'node.json'), 'utf8'))).toEqual({ v: 1, nodeId: slot.nodeId })
    slot.release()
  })

  it.each(['', '..', 'a/b', 'a\\b', 'x.trash', 'lock', 'é'])('refuses the name %j', (name) => {
    const stateDir = tempFolder()
    expect(() => openSlot(stateDir, name)).toThrow('MR_NAME_INVALID')
    const slot = openSlot(stateDir, 'app')
    expect(() => slot.taskFolder(name)).toThrow('MR_NAME_INVALID')
    slot.release()
  })
})
