/** Wrangler files: JSON with comments and TOML, against wrangler's own reader. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { stringify } from 'smol-toml'
import { afterAll, describe, expect, it } from 'vitest'
import { experimental_readRawConfig as readByWrangler } from 'wrangler'
import { readWranglerFile } from '../../../core/tools/build/wrangler/file.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import { attempt, holdsAsync, textOf } from './holds.ts'

const dir = mkdtempSync(join(tmpdir(), 'unmoor-wrangler-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** A file's content as unmoor and as wrangler read it; an error where one refuses it. */
async function readBoth(name: string, text: string): Promise<[ours: unknown, wrangler: unknown]> {
  const path = join(dir, name)
  writeFileSync(path, text)
  const ours = await readWranglerFile(path).then(
    ({ content }) => content as unknown,
    (error: unknown) => error,
  )
  return [ours, attempt(() => readByWrangler({ config: path }).rawConfig)]
}

const key = fc.oneof(
  fc.constantFrom('name', 'vars', 'kv_namespaces', 'a.b', 'with space', 'é', '"', '\\', '[x]', '#', '//', ''),
  fc.string({ unit: 'binary', maxLength: 4 }),
).filter((one) => one !== '__proto__') // prettier-ignore
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  textOf(['//', '/*', '*/', ',', '}', '"', '\n', '#', "'''", '"""', '\\'], 4),
  fc.integer(),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((one) => !Object.is(one, -0) && !Number.isInteger(one)),
) // prettier-ignore
const data = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, tie('object'), fc.array(leaf, { maxLength: 3 }), fc.array(tie('object'), { maxLength: 3 })),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
})).object // prettier-ignore

const comment = fc.constantFrom('', ' ', '\n', '/* } " */', '// "\n', '\r\n\t')
/** A value as JSON with comments and trailing commas, as a person might write it. */
function written(value: unknown, gaps: readonly string[], trailing: boolean): string {
  let at = 0
  const gap = (): string => gaps[at++ % gaps.length] ?? ''
  const write = (one: unknown): string => {
    if (typeof one !== 'object' || one === null) return `${gap()}${JSON.stringify(one)}${gap()}`
    const items = Array.isArray(one)
      ? one.map(write)
      : Object.entries(one).map(([name, item]) => `${gap()}${JSON.stringify(name)}${gap()}:${write(item)}`)
    const end = trailing && items.length > 0 ? `,${gap()}` : gap()
    return Array.isArray(one) ? `[${items.join(',')}${end}]` : `{${items.join(',')}${end}}`
  }
  return write(value)
}

describe('a wrangler file', () => {
  it('of JSON with comments is read as it was written, and as wrangler reads it', async () => {
    await holdsAsync(fc.tuple(data, fc.array(comment, { minLength: 1, maxLength: 5 }), fc.boolean()), async (given) => {
      const [ours, wrangler] = await readBoth('wrangler.jsonc', written(...given))
      expect(ours).toEqual(given[0])
      expect(wrangler).toEqual(given[0])
    }) // prettier-ignore
  })

  it('of TOML has the data of the same file in JSON, and as wrangler reads it', async () => {
    await holdsAsync(data, async (given) => {
      const [ours, wrangler] = await readBoth('wrangler.toml', stringify(given))
      const json = await readBoth('wrangler.json', JSON.stringify(given))
      expect(ours).toEqual(json[0])
      expect(wrangler).toEqual(json[1])
    })
  })

  it('of JSON that is damaged is refused with its place, or read as wrangler reads it', async () => {
    const soup = textOf(
      ['{', '}', '[', ']', '"', ',', ':', '//', '/*', '*/', '\n', '\\', 'a', '1', 'null', '-', '\ufeff'],
      6,
    )
    const broken = fc.tuple(data, soup, fc.nat(), fc.nat(3)).map(([value, text, place, length]) => {
      const whole = JSON.stringify(value)
      const at = place % (whole.length + 1)
      return whole.slice(0, at) + text + whole.slice(at + length)
    })
    await holdsAsync(fc.oneof(broken, soup), async (text) => {
      const [ours, wrangler] = await readBoth('wrangler.jsonc', text)
      if (ours instanceof Error) {
        expect(isUnmoorError(ours, 'InvalidArgument')).toBe(true)
        expect(ours.message).toMatch(/^wrangler\.jsonc:(\d+: | it must hold an object)/)
      } else if (!(wrangler instanceof Error)) expect(ours).toEqual(wrangler)
    }, { runs: 600 }) // prettier-ignore
  })

  it('of TOML that is damaged is refused with its line, or read as wrangler reads it', async () => {
    const soup = textOf(
      [
        '[',
        ']',
        '[[',
        '=',
        '"',
        "'",
        '"""',
        '#',
        '\n',
        '{',
        '}',
        ',',
        'a',
        '.',
        '1',
        'true',
        '1979-05-27',
        '\r',
      ],
      8,
    )
    const broken = fc.tuple(data, soup, fc.nat(), fc.nat(3)).map(([value, text, place, length]) => {
      const whole = stringify(value)
      const at = place % (whole.length + 1)
      return whole.slice(0, at) + text + whole.slice(at + length)
    })
    await holdsAsync(fc.oneof(broken, soup), async (text) => {
      const [ours, wrangler] = await readBoth('wrangler.toml', text)
      if (ours instanceof Error) {
        expect(isUnmoorError(ours, 'InvalidArgument')).toBe(true)
        expect(ours.message).toMatch(/^wrangler\.toml:\d+: /)
        expect(wrangler).toBeInstanceOf(Error)
      } else expect(ours).toEqual(wrangler)
    }, { runs: 600 }) // prettier-ignore
  })

  it('names the line of each key, in JSON and in TOML', async () => {
    const names = fc.uniqueArray(fc.constantFrom('name', 'main', 'vars', 'triggers', 'rules'), {
      minLength: 1,
      maxLength: 5,
    })
    await holdsAsync(fc.tuple(names, fc.nat(3)), async ([keys, blank]) => {
      const object = Object.fromEntries(keys.map((name, index) => [name, index % 2 === 0 ? 'text' : { inner: 'x' }]))
      for (const [file, text] of [
        ['wrangler.jsonc', '\n'.repeat(blank) + JSON.stringify(object, null, 1)],
        ['wrangler.toml', '\n'.repeat(blank) + stringify(object)],
      ] as const) {
        const path = join(dir, file)
        writeFileSync(path, text)
        const read = await readWranglerFile(path)
        for (const name of keys) {
          const line = Number(/:(\d+), /.exec(read.where([name]))?.[1])
          expect(text.split('\n')[line - 1]).toContain(name)
        }
      }
    }, { runs: 30 }) // prettier-ignore
  })
})
