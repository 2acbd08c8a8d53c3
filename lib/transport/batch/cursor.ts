/** Walks the variable-length numbers of a batch. Outside of the bytes, or in a number that is too long, `failed` is set and 0 read. */
export class Cursor {
  failed = false

  constructor(
    private readonly bytes: Buffer,
    public at: number,
  ) {}

  /** Zigzag, at most 5 bytes. */
  varint(): number {
    const first = this.bytes[this.at]
    if (first === undefined || first > 127) return this.longVarint()
    this.at++
    return (first >>> 1) ^ -(first & 1)
  }

  /** Zigzag, at most 10 bytes; exact to 2^53. */
  varlong(): number {
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      low |= (byte & 127) << shift
      if (byte < 128) return (low >>> 1) ^ -(low & 1)
    }
    const magnitude = (low >>> 1) + this.highGroups() * 0x800_0000
    return low & 1 ? -magnitude - 1 : magnitude
  }

  private longVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value |= (byte & 127) << shift
      if (byte < 128) return (value >>> 1) ^ -(value & 1)
    }
    return this.fail()
  }

  private highGroups(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 42; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    return this.fail()
  }

  private byte(): number {
    return this.bytes[this.at++] ?? this.fail()
  }

  private fail(): number {
    this.failed = true
    return 0
  }
}
