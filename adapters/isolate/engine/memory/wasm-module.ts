import type { Primordials } from './primordials.ts'

/** A memory or table that a WebAssembly module declares, and the offsets of its limits in the bytes. */
export interface Declared {
  kind: 'memory' | 'table'
  /** Declared minimum size, in pages of a WebAssembly memory or entries of a table. */
  min: number
  /**
   * Declared maximum size of a WebAssembly memory or table, in the same unit as `min`; Infinity if none is
   * declared.
   */
  max: number
  /**
   * Offsets in a WebAssembly module of a memory's or table's limits: of the flags (`flagsAt`), of the end of
   * the minimum (`minEnd`), and of the end of the limits (`end`).
   */
  flagsAt: number
  minEnd: number
  end: number
  /**
   * Offsets of the length of a WebAssembly module's section (`sizeAt`), and of its content's start and end.
   */
  sizeAt: number
  contentAt: number
  contentEnd: number
}

/** Memories and tables that a WebAssembly module declares, in the order of its bytes. */
export interface ModuleLimits {
  readonly count: number
  /**
   * True if a WebAssembly instance that fails to start may leave functions behind: the module has a start
   * function or elements.
   */
  readonly leaves: boolean
  readonly [index: number]: Declared
}

/**
 * Creates cursors that read the bytes and numbers of a WebAssembly module, one after the other.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestCursor({ RangeError }: Primordials) {
  return (bytes: Uint8Array, start: number) => {
    const refuse = (what: string): never => {
      throw new RangeError(what)
    }
    const cursor = {
      at: start,
      refuse,
      byte: (): number =>
        cursor.at < bytes.length ? (bytes[cursor.at++] as number) : refuse('it ends too early'),
      number: (): number => {
        let value = 0
        for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
          const next = cursor.byte()
          value += (next & 127) * scale
          if (next < 128) return value
        }
        return refuse('a number is too long')
      },
      skip: (length: number): void => {
        cursor.at += length
        if (cursor.at > bytes.length) refuse('it ends too early')
      },
    }
    return cursor
  }
}

/**
 * Creates the function that reads the memories and tables which a WebAssembly module defines. Unknown
 * encodings are refused, because a memory that is overlooked would have no limit.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestReadModule({ create }: Primordials, createCursor: ReturnType<typeof guestCursor>) {
  return (bytes: Uint8Array): ModuleLimits => {
    const cursor = createCursor(bytes, 8)
    const { refuse, byte, number, skip } = cursor
    const type = (): void => {
      const code = byte()
      // The type of a WebAssembly table's entries is a reference to a type by its number, or one of the short
      // forms.
      if (code === 0x63 || code === 0x64) number()
      else if (code < 0x69 || code > 0x74) refuse(`a table holds the unknown type ${code}`)
    }
    const expression = (): void => {
      for (let code = byte(); code !== 0x0b; code = byte()) {
        if (code === 0x41 || code === 0x42 || code === 0x23 || code === 0xd0 || code === 0xd2) number()
        else if (code === 0x43) skip(4)
        else if (code === 0x44) skip(8)
        else if (code === 0xfb) {
          const gc = number()
          if (gc === 8) number()
          else if (gc !== 0 && gc !== 1 && gc !== 6 && gc !== 7 && (gc < 26 || gc > 28))
            refuse(`a table begins with the unknown instruction 0xfb ${gc}`)
          if (gc < 9) number()
        } else if ((code < 0x6a || code > 0x6c) && (code < 0x7c || code > 0x7e))
          refuse(`a table begins with the unknown instruction ${code}`)
      }
    }
    const found = create(null) as { count: number; leaves: boolean; [index: number]: Declared }
    found.count = 0
    found.leaves = false
    const limits = (kind: Declared['kind'], section: { sizeAt: number; contentAt: number }): void => {
      const flagsAt = cursor.at
      const flags = byte()
      // Bits of the limits flag of a WebAssembly memory or table: has a maximum, is shared (memories only),
      // has addresses of 64 bits.
      if (flags > (kind === 'memory' ? 7 : 5) || (kind === 'table' && (flags & 2) !== 0))
        refuse(`a ${kind} has the unknown flags ${flags}`)
      const min = number()
      const minEnd = cursor.at
      const max = (flags & 1) === 0 ? Infinity : number()
      const place = { flagsAt, minEnd, end: cursor.at, contentEnd: 0, ...section }
      found[found.count++] = { kind, min, max, ...place }
    }
    while (cursor.at < bytes.length) {
      const id = byte()
      const sizeAt = cursor.at
      const size = number()
      const contentAt = cursor.at
      const end = cursor.at + size
      if (id > 13) refuse(`a section has the unknown number ${id}`)
      if (id === 8 || id === 9) found.leaves = true
      if (id === 4 || id === 5) {
        const first = found.count
        for (let left = number(); left > 0; left--) {
          const kind = id === 5 ? 'memory' : 'table'
          const hasStart = id === 4 && bytes[cursor.at] === 0x40
          if (hasStart) skip(1)
          if (hasStart && byte() !== 0) refuse('a table begins in an unknown way')
          if (id === 4) type()
          limits(kind, { sizeAt, contentAt })
          if (hasStart) expression()
        }
        if (cursor.at !== end) refuse('a section is longer than what it holds')
        for (let index = first; index < found.count; index++) (found[index] as Declared).contentEnd = end
      }
      cursor.at = contentAt
      skip(size)
    }
    return found
  }
}

/**
 * Creates the function that writes other maxima for a WebAssembly module's memories and tables: `maxima[i]`
 * for the i-th. The function returns new bytes.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestWriteMaxima({ Uint8Array, setBytes }: Primordials) {
  /**
   * Bytes of a number written into a WebAssembly module, which may be up to 2^35. All numbers have this
   * length, so that a section's length can be written after its content.
   */
  const SIZE = 5
  return (bytes: Uint8Array, limits: ModuleLimits, maxima: { readonly [index: number]: number }) => {
    const out = new Uint8Array(bytes.length + 2 * SIZE * limits.count)
    let length = 0
    let copied = 0
    const copy = (end: number): void => {
      setBytes(out, new Uint8Array(bytes.buffer, copied, end - copied), length)
      length += end - copied
      copied = end
    }
    const number = (at: number, value: number): void => {
      for (let index = 0; index < SIZE; index++) {
        out[at + index] = (value % 128) + (index < SIZE - 1 ? 128 : 0)
        value = (value - (value % 128)) / 128
      }
    }
    for (let index = 0; index < limits.count; index++) {
      const sizeAt = (limits[index] as Declared).sizeAt
      copy(sizeAt)
      const lengthAt = length
      length += SIZE
      copied = (limits[index] as Declared).contentAt
      const contentAt = length
      for (; limits[index]?.sizeAt === sizeAt; index++) {
        const { flagsAt, minEnd, end } = limits[index] as Declared
        copy(flagsAt)
        out[length++] = (bytes[flagsAt] as number) | 1
        copied++
        copy(minEnd)
        number(length, maxima[index] as number)
        length += SIZE
        copied = end
      }
      index--
      copy((limits[index] as Declared).contentEnd)
      number(lengthAt, length - contentAt)
    }
    copy(bytes.length)
    return new Uint8Array(out.buffer, 0, length)
  }
}
