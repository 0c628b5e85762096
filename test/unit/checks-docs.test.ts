import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileExamples, readExamples } from '../checks/examples.ts'
import { findUndocumented } from '../checks/missing-docs.ts'
import { packageEntries, ROOT } from '../checks/package.ts'

const FILES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    name: 'planted',
    exports: { '.': './dist/index.js', './internal/hidden': './dist/hidden.js' },
  }),
  'dist/index.d.ts': `
    /** Says hello. */
    export declare function told(): void
    export declare function untold(): void
    /** With text. */
    export declare function overloaded(a: string): void
    export declare function overloaded(a: number): void
    /** A thing. */
    export declare class Thing {
      #own: string
      run(): void
      /** Stops it. */
      stop(): void
      private hide(): void
    }
    export type { Renamed as Given } from './hidden.d.ts'
    export interface Untold { a: string }
    /** @deprecated Since 0.2: \`told\`. */
    export type Old = string`,
  'dist/hidden.d.ts': `export interface Renamed {}\nexport declare const generated: string`,
}
let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'unmoor-undocumented-'))
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

it('check:docs finds each public symbol, overload and method without a docstring', () => {
  const { undocumented } = findUndocumented(root, packageEntries(root))
  expect(undocumented.map(({ name }) => name)).toEqual([
    'Renamed',
    'Thing.run',
    'Untold',
    'overloaded',
    'untold',
  ])
})

const docs = (code: string): string =>
  `const x = 1\n/**\n * Does it.\n *\n * @example\n${code}\n */\nexport {}\n`

describe('an example', () => {
  it('is read with the line of its code', () => {
    expect(readExamples('a.ts', docs(' * ```ts\n * f(1)\n *   g(2)\n * ```'))).toEqual({
      examples: [{ file: 'a.ts', line: 7, code: 'f(1)\n  g(2)' }],
      problems: [],
    })
  })

  it('without a fence is a problem', () => {
    expect(readExamples('a.ts', docs(' * f(1)'))).toEqual({
      examples: [],
      problems: [expect.stringMatching(/^a\.ts:5: an @example without code/)],
    })
  })

  it('compiles against the package, or is named with its line', () => {
    const example = (line: number, code: string): Parameters<typeof compileExamples>[1][number] => ({
      file: 'a.ts',
      line,
      code,
    })
    expect(
      compileExamples(ROOT, [
        example(10, `const value = await env.links.get('a')\nreturn new Response(value)`),
        example(20, `import { defineConfig } from 'unmoor'\n\nexport default defineConfig({ name: 'a' })`),
        example(30, `const a = 1\nawait env.links.got('a')`),
        example(40, `import { defineConfig } from 'unmoor'\n\nexport default defineConfig({ nam: 'a' })`),
        example(50, `const a = `),
      ]),
    ).toEqual([
      expect.stringMatching(/^a\.ts:31: the example does not compile: TS2339.*got/),
      expect.stringMatching(/^a\.ts:42: the example does not compile: TS2561.*nam/),
      expect.stringMatching(/^a\.ts:5[01]: the example does not compile: TS1/),
    ])
  })
})
