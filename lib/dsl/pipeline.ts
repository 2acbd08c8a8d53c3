import type { Pipeline } from './surface.js'

export const pipeline = (name: string): Pipeline => Object.freeze({ _tag: 'Pipeline', name })
