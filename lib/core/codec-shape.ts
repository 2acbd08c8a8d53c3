/** What a built-in codec is made of: two codecs of one shape read and write the same bytes. */
export type CodecShape =
  | { readonly kind: 'json'; readonly schema: object }
  | { readonly kind: 'nullable' | 'option'; readonly inner: object }
  | { readonly kind: 'windowed'; readonly inner: object; readonly sizeMs: number | null }

// Beside the codecs, not inside: a codec of the user may be called 'json' too, and is not ours for that.
const shapes = new WeakMap<object, CodecShape>()

export const withShape = <C extends object>(codec: C, shape: CodecShape): C => {
  shapes.set(codec, shape)
  return Object.freeze(codec)
}

/**
 * Whether two codecs are known to write the same bytes: the same object, or built-in ones made of the same parts.
 * Two `codec.json(schema)` are the same only with one and the same schema object.
 */
export const sameCodec = (a: object, b: object): boolean => {
  if (a === b) return true
  const left = shapes.get(a)
  const right = shapes.get(b)
  if (!left || !right) return false
  if (left.kind === 'json' || right.kind === 'json') return left.kind === 'json' && right.kind === 'json' && left.schema === right.schema
  if (left.kind !== right.kind || !sameCodec(left.inner, right.inner)) return false
  return left.kind !== 'windowed' || right.kind !== 'windowed' || left.sizeMs === right.sizeMs
}

/** The codec of the key within a windowed key; null: it is not one of those. */
export const windowedInner = (codec: object): object | null => {
  const shape = shapes.get(codec)
  return shape?.kind === 'windowed' ? shape.inner : null
}
