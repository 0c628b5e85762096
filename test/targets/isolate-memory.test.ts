import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

/**
 * A module with a page of memory, exported as `mem`, and `grow(pages)`, which grows it by the instruction.
 */
const MODULE = `new Uint8Array([0,97,115,109,1,0,0,0, 1,6,1,96,1,127,1,127, 3,2,1,0, 5,3,1,0,1,
  7,14,2,4,103,114,111,119,0,0,3,109,101,109,2,0, 10,8,1,6,0,32,0,64,0,11])`
const MB = 1024 * 1024
const LIMIT = 64
const fill = `const fill = (buffer) => new Uint8Array(buffer).fill(1);`

/** What holds memory, piece by piece, until it is refused; each returns the megabytes that it has got. */
const HOLDERS: Readonly<Record<string, string>> = {
  'WebAssembly memories':
    'for (;;) { const m = new WebAssembly.Memory({ initial: 16 }); keep.push(m); fill(m.buffer); got++ }',
  'a memory that grows': `const m = new WebAssembly.Memory({ initial: 1 }); keep.push(m)
    for (;;) { m.grow(16); got++; fill(m.buffer) }`,
  'a shared memory that grows': `const m = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true })
    keep.push(m); for (;;) { m.grow(16); got++ }`,
  'a memory of 64 bits': `const m = new WebAssembly.Memory({ initial: 1n, address: 'i64' })
    keep.push(m); for (;;) { m.grow(16n); got++ }`,
  'a module that grows its memory': `const { grow, mem } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports
    keep.push(mem); while (grow(16) !== -1) got++; fill(mem.buffer); throw new RangeError('-1')`,
  'many instances of a module': `const module = new WebAssembly.Module(bytes)
    for (;;) { const { grow, mem } = new WebAssembly.Instance(module).exports
      keep.push(mem); while (grow(4) !== -1) got += 0.25 }`,
  'instances made asynchronously': `for (;;) { const { instance } = await WebAssembly.instantiate(bytes)
    keep.push(instance); while (instance.exports.grow(4) !== -1) got += 0.25 }`,
  'constructors found by a prototype': `const { Memory } = { Memory: Object.getPrototypeOf(new WebAssembly.Memory({ initial: 0 })).constructor }
    for (;;) { keep.push(new Memory({ initial: 16 })); got++ }`,
  'a descriptor that changes its mind': `let asked = 0
    for (;;) { asked = 0; keep.push(new WebAssembly.Memory({ get initial() { return asked++ === 0 ? 1 : 160 } })); got += 1 / 16 }`,
  'built-ins that a tenant has replaced': `const { apply, construct } = Reflect, { call } = Function.prototype, { get } = WeakMap.prototype
    const stolen = []
    Object.defineProperty(Array.prototype, '0', { set(value) { stolen.push(value) }, configurable: true })
    Function.prototype.call = Reflect.apply = Reflect.construct = (...all) => void stolen.push(all)
    WeakMap.prototype.get = () => ({ limits: { count: 0 }, isOpen: true })
    try { for (let i = 0; ; i++) { keep[i + 1] = new WebAssembly.Memory({ initial: 16 }); got++ } }
    finally {
      delete Array.prototype[0]
      Object.assign(Reflect, { apply, construct }); Function.prototype.call = call; WeakMap.prototype.get = get
      if (stolen.length > 0) throw new Error('stolen')
    }`,
  'resizable buffers':
    'for (;;) { const b = new ArrayBuffer(0, { maxByteLength: 1 << 20 }); keep.push(b); b.resize(1 << 20); fill(b); got++ }',
  'resizable buffers that are moved':
    'for (;;) { const b = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 20 }); keep.push(b.transfer()); got++ }',
  'shared buffers that grow':
    'for (;;) { const b = new SharedArrayBuffer(0, { maxByteLength: 1 << 20 }); keep.push(b); b.grow(1 << 20); fill(b); got++ }',
}

let lab: Lab
beforeAll(async () => {
  lab = await startLab({ isolate: { memoryMb: LIMIT } })
}, 60_000)
afterAll(() => lab?.[Symbol.asyncDispose]())

const hold = (
  body: string,
): string => `const keep = globalThis.kept = []; const bytes = ${MODULE}; ${fill} let got = 0
  try { ${body} } catch (error) { return { got, error: error.name } }`

describe('memory outside of the heap is held to memoryMb', () => {
  for (const [what, body] of Object.entries(HOLDERS))
    it(`${what}: refused within the limit, and back when it was collected`, async () => {
      const first = (await lab.run(hold(body))) as { got: number; error: string }
      expect(first.error).toBe('RangeError')
      expect(first.got).toBeGreaterThan(0)
      expect(first.got).toBeLessThanOrEqual(LIMIT)
      // The same again: what nobody holds any more has come back.
      const again = (await lab.run(
        `globalThis.kept = undefined; await new Promise((r) => setTimeout(r, 1)); ${hold(body)}`,
      )) as {
        got: number
      }
      expect(again.got).toBeGreaterThan(0)
      await lab.run('globalThis.kept = undefined; return 1')
    })

  it('says so in the log, by the name of the limit', async () => {
    await lab.run(hold(HOLDERS['WebAssembly memories'] as string))
    await expect.poll(() => lab.lines.join('\n')).toContain('limits.memoryMb')
  })

  it('an honest module grows to four fifths of the limit in an isolate of its own', async () => {
    await using own = await startLab({ isolate: { memoryMb: LIMIT } })
    const pages = Math.floor((LIMIT * 0.8 * MB) / 65_536) - 1
    const code = `const { instance } = await WebAssembly.instantiate(${MODULE})
      const before = instance.exports.grow(${pages}); new Uint8Array(instance.exports.mem.buffer).fill(7)
      return [before, instance.exports.mem.buffer.byteLength, new Uint8Array(instance.exports.mem.buffer).at(-1)]`
    expect(await own.run(code)).toEqual([1, (pages + 1) * 65_536, 7])
    expect(own.lines.join('\n')).not.toContain('memoryMb')
  })

  it('an instance for each request goes on and on', async () => {
    await using own = await startLab({ isolate: { memoryMb: LIMIT } })
    for (let index = 0; index < 40; index++)
      expect(
        await own.run(
          `globalThis.module ??= new WebAssembly.Module(${MODULE})
           return new WebAssembly.Instance(globalThis.module).exports.grow(64)`,
        ),
      ).toBe(1)
  })
})
