import { posix } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as path from '../../adapters/isolate/guest/node/path.ts'

const SEGMENTS = [
  '',
  '.',
  '..',
  '/',
  '//',
  'a',
  'b.txt',
  '.c',
  'C:',
  'a\\b',
  '\u00fc',
  ' ',
  'x.',
  '..d',
  'e/',
]
const paths = fc
  .tuple(fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 4 }), fc.constantFrom('/', ''))
  .map(([segments, between]) => segments.join(between))

type Call = (...args: unknown[]) => unknown

/** What a function of both modules answers, or the code of its error. */
function answers(name: string, args: unknown[]): unknown[] {
  return [path as Record<string, unknown>, posix as unknown as Record<string, unknown>].map((module) => {
    try {
      return (module[name] as Call)(...args)
    } catch (error) {
      return (error as { code?: string }).code
    }
  })
}

const CALLS: Readonly<Record<string, fc.Arbitrary<unknown[]>>> = {
  join: fc.array(paths, { maxLength: 4 }),
  resolve: fc.array(paths, { maxLength: 3 }).map((given) => ['/r', ...given]),
  normalize: fc.tuple(paths),
  basename: fc.oneof(fc.tuple(paths), fc.tuple(paths, fc.constantFrom('.txt', 'a', '/', 'xa', '..', ''))),
  dirname: fc.tuple(paths),
  extname: fc.tuple(paths),
  parse: fc.tuple(paths),
  isAbsolute: fc.tuple(paths),
  relative: fc.tuple(paths, paths).map(([from, to]) => [`/${from}`, `/${to}`]),
  format: fc.tuple(
    fc.record({ root: paths, dir: paths, base: paths, name: paths, ext: paths }, { requiredKeys: [] }),
  ),
  toNamespacedPath: fc.tuple(paths),
}

describe('node:path in an isolate', () => {
  for (const [name, given] of Object.entries(CALLS))
    test(`${name} answers as Node's`, () => {
      const odd = [undefined, null, 5, {}, []].map((value) => (name === 'relative' ? [value, 'a'] : [value]))
      for (const args of odd)
        expect(answers(name, args)[0], JSON.stringify(args)).toEqual(answers(name, args)[1])
      fc.assert(
        fc.property(given, (args) => {
          const [own, node] = answers(name, args)
          expect(own).toEqual(node)
        }),
        { seed: 7, numRuns: 2000 },
      )
    })

  test('has the names of Node, and refuses the paths of Windows', () => {
    expect(Object.keys(posix).filter((name) => !(name in path))).toEqual([])
    expect([path.sep, path.delimiter, path.posix['posix'] === path.posix]).toEqual(['/', ':', true])
    expect(path.win32['sep']).toBe('\\')
    expect(path.win32['join'] as () => never).toThrow('path.win32.join is not there in an isolate')
  })
})
