import { describe, expect, it } from 'vitest'
import { guestPrimordials } from '../../adapters/isolate/engine/memory/primordials.ts'
import {
  guestCursor,
  guestReadModule,
  guestWriteMaxima,
} from '../../adapters/isolate/engine/memory/wasm-module.ts'

const primordials = guestPrimordials()
const read = guestReadModule(primordials, guestCursor(primordials))
const write = guestWriteMaxima(primordials)
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0]
const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content]
const text = (name: string): number[] => [name.length, ...Buffer.from(name)]
const module = (...sections: number[][]): Uint8Array<ArrayBuffer> =>
  new Uint8Array([...HEAD, ...sections.flat()])
/** Exports the n-th memory as its number. */
const exportMemories = (count: number): number[] =>
  section(7, count, ...Array.from({ length: count }, (_, index) => [...text(String(index)), 2, index]).flat())
const memory = (instance: WebAssembly.Instance, name: string): WebAssembly.Memory =>
  instance.exports[name] as WebAssembly.Memory

describe('limits in the bytes of a module', () => {
  const memories: Record<string, [number[], { min: number; max: number }[]]> = {
    'no maximum': [section(5, 1, 0, 2), [{ min: 2, max: Infinity }]],
    'a maximum': [section(5, 1, 1, 2, 200, 1), [{ min: 2, max: 200 }]],
    'a shared one': [section(5, 1, 3, 1, 100), [{ min: 1, max: 100 }]],
    'one of 64 bits': [section(5, 1, 4, 1), [{ min: 1, max: Infinity }]],
    several: [
      section(5, 3, 0, 1, 1, 0, 9, 0, 3),
      [
        { min: 1, max: Infinity },
        { min: 0, max: 9 },
        { min: 3, max: Infinity },
      ],
    ],
    'a number longer than it needs': [section(5, 1, 0, 0x82, 0x80, 0x00), [{ min: 2, max: Infinity }]],
  }
  for (const [what, [bytes, expected]] of Object.entries(memories))
    it(`of memories are read and given a maximum: ${what}`, () => {
      const given = module(bytes, exportMemories(expected.length))
      const limits = read(given)
      expect(limits.count).toBe(expected.length)
      const maxima = expected.map(({ min }, index) => min + index + 1)
      for (const [index, { min, max }] of expected.entries())
        expect(limits[index]).toMatchObject({ kind: 'memory', min, max })
      const instance = new WebAssembly.Instance(new WebAssembly.Module(write(given, limits, maxima)))
      for (const [index, { min }] of expected.entries()) {
        const one = memory(instance, String(index))
        const grow = (by: number): unknown =>
          (one.grow as (by: unknown) => unknown)(what.includes('64') ? BigInt(by) : by)
        expect(Number(grow(index + 1))).toBe(min)
        expect(() => grow(1)).toThrow(RangeError)
      }
    })

  it('of tables are read beside those of memories, behind expressions too', () => {
    const given = module(
      section(1, 1, 0x60, 0, 0),
      // One plain, one that begins with a null: its expression holds the byte of an end, in a number.
      section(4, 2, 0x70, 0, 3, 0x40, 0, 0x6f, 0, 4, 0xd0, 0x6f, 0x0b),
      section(5, 1, 0, 1),
      section(7, 2, ...text('a'), 1, 0, ...text('b'), 1, 1),
    )
    const limits = read(given)
    expect([limits[0], limits[1], limits[2]]).toMatchObject([
      { kind: 'table', min: 3 },
      { kind: 'table', min: 4 },
      { kind: 'memory', min: 1 },
    ])
    const { a, b } = new WebAssembly.Instance(new WebAssembly.Module(write(given, limits, [3, 5, 1])))
      .exports as Record<string, WebAssembly.Table>
    expect(() => a?.grow(1)).toThrow(RangeError)
    expect(b?.grow(1)).toBe(4)
    expect(() => b?.grow(1)).toThrow(RangeError)
  })

  const unknown: Record<string, number[]> = {
    'pages of another size': section(5, 1, 8, 1, 0),
    'unknown flags': section(5, 1, 0x10, 1),
    'a section of an unknown number': section(14, 0),
    'a memory that ends too early': section(5, 2, 0, 1),
    'a section longer than what it holds': section(5, 1, 0, 1, 0),
    'a number without end': [5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    'a table of an unknown type': section(4, 1, 0x62, 0, 1),
    'a table of which an unknown instruction is the beginning': section(
      4,
      1,
      0x40,
      0,
      0x70,
      0,
      1,
      0x10,
      0,
      0x0b,
    ),
  }
  for (const [what, bytes] of Object.entries(unknown))
    it(`are refused where they are not known: ${what}`, () => {
      expect(() => read(module(bytes))).toThrow(RangeError)
    })
})
