import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Replaces the file as a whole: after a crash or a power loss it holds the old text or the new one. */
export const writeDurably = (path: string, text: string): void => {
  const draft = `${path}.new`
  const fd = openSync(draft, 'w')
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
  syncFolder(dirname(path))
}

export const syncFile = (path: string): void => {
  const fd = openSync(path, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const syncFolder = (path: string): void => {
  if (process.platform === 'win32') return // a folder cannot be opened there
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const trashOf = (folder: string): string => `${folder}.trash`
export const isTrash = (name: string): boolean => name.endsWith('.trash')

/** Gone at once under its name, whatever happens while its content is removed. */
export const removeFolder = (folder: string): void => {
  removeTrash(folder)
  renameSync(folder, trashOf(folder))
  syncFolder(dirname(folder))
  removeTrash(folder)
}

/** What a `removeFolder` that was killed has left. */
export const removeTrash = (folder: string): void => rmSync(trashOf(folder), { recursive: true, force: true })
