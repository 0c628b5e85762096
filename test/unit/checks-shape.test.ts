import { describe, expect, it } from 'vitest'
import { findCircles } from '../checks/circles.ts'
import { readModule } from '../checks/module-facts.ts'
import { drawPicture, findPicture } from '../checks/picture.ts'
import { checkShape, type Plan } from '../checks/shape-rules.ts'

const PLAN: Plan = {
  floors: [
    {
      name: 'the ground floor imports nothing of Node',
      from: ['ground/'],
      except: ['ground/tools/'],
      to: ['node:'],
    },
    { name: 'no wing imports another', apart: ['wings/east/', 'wings/west/'] },
  ],
  circles: [{ in: 'wings/east/known-', why: 'They describe each other.' }],
  maxCircles: 1,
  doubleCasts: { in: ['ground/'], most: 1 },
  longLines: { in: ['ground/'], width: 80, most: 0 },
  exceptions: { rules: ['max-lines', 'max-params'], most: 1 },
  maxFunctionLines: 4,
}

/** A tree that keeps the plan. */
const SOUND: Readonly<Record<string, string>> = {
  'ground/app.ts': `export const x = 1 as unknown as string`,
  'ground/tools/cli.ts': `import { join } from 'node:path'\nimport { x } from '../app.ts'\nexport default join(x)`,
  'wings/east/known-a.ts': `import type { B } from './known-b.ts'\nexport interface A { b?: B }`,
  'wings/east/known-b.ts': `import type { A } from './known-a.ts'\nexport interface B { a?: A }`,
  'wings/west/index.ts': `// oxlint-disable-next-line max-params -- the platform calls it so\nexport const y = 2`,
}

function problems(changed: Readonly<Record<string, string>>, plan: Partial<Plan> = {}): readonly string[] {
  const files = Object.entries({ ...SOUND, ...changed })
  const modules = new Map(
    files.map(([path, text]) => [path, { text, ...readModule(path, text, PLAN.maxFunctionLines) }]),
  )
  return checkShape(modules, { ...PLAN, ...plan }).problems
}

it('a tree that keeps the plan has no problems', () => {
  expect(problems({})).toEqual([])
})

describe('a floor is broken by', () => {
  it.each([
    ['an import of values', `import { join } from 'node:path'`],
    ['an import of types', `import type { Stats } from 'node:fs'`],
    ['an inline import of types', `import { type Stats } from 'node:fs'`],
    ['an import for its effects', `import 'node:fs'`],
    ['a re-export', `export { join } from 'node:path'`],
    ['a re-export of all', `export * from 'node:path'`],
    ['a dynamic import', `export const load = () => import('node:path')`],
    ['a type behind import()', `export type Stats = import('node:fs').Stats`],
    ['a module named by URL', `export const url = new URL('node:path', import.meta.url)`],
  ])('%s', (_, text) => {
    expect(problems({ 'ground/app.ts': `\n${text}` })).toEqual([
      expect.stringMatching(/^ground\/app\.ts:2: imports node:.*ground floor/),
    ])
  })

  it('a relative path into the other wing, in either direction', () => {
    expect(
      problems({ 'wings/west/index.ts': `import type { A } from '../east/known-a.ts'\nexport type C = A` }),
    ).toEqual([expect.stringMatching(/^wings\/west\/index\.ts:1: imports \.\.\/east\/known-a\.ts\. no wing/)])
    expect(problems({ 'wings/east/other.ts': `export * from '../west/index.ts'` })).toHaveLength(1)
  })

  it('a room that the plan names and that is not there, since its rule would check nothing', () => {
    expect(problems({}, { floors: [{ name: 'attic', apart: ['attic/', 'wings/east/'] }] })).toEqual([
      expect.stringContaining('names attic/'),
    ])
  })
})

describe('circles', () => {
  it('of values are refused wherever they are', () => {
    expect(
      problems({
        'wings/east/known-a.ts': `import { b } from './known-b.ts'\nexport type A = typeof b`,
        'wings/east/known-b.ts': `import { type A } from './known-a.ts'\nimport { c } from './c.ts'\nexport const b = c as A`,
        'wings/east/c.ts': `import { b } from './known-b.ts'\nexport const c = () => b`,
      }).filter((problem) => problem.startsWith('Modules import each other')),
    ).toEqual(['Modules import each other in a circle:\n  wings/east/c.ts\n  wings/east/known-b.ts'])
  })

  it('of types are refused where the plan does not name them, and counted', () => {
    const found = problems({
      'wings/west/a.ts': `import type { B } from './b.ts'\nexport interface A { b?: B }`,
      'wings/west/b.ts': `export type B = import('./a.ts').A`,
    })
    expect(found).toEqual([
      expect.stringContaining('the plan does not name:\n  wings/west/a.ts\n  wings/west/b.ts'),
      expect.stringContaining('2 circles'),
    ])
  })

  it('that the plan names and that are gone are taken out of it', () => {
    expect(problems({ 'wings/east/known-b.ts': 'export interface B { a?: string }' })).toEqual([
      expect.stringContaining('there is none'),
    ])
  })

  it('are the strongly connected components, each once', () => {
    const graph = new Map(
      Object.entries({ a: ['b'], b: ['c', 'd'], c: ['a'], d: ['e'], e: ['d', 'f'], f: [], g: ['g'] }).map(
        ([key, to]) => [key, new Set(to)],
      ),
    )
    expect(new Set(findCircles(graph).map((circle) => circle.join()))).toEqual(new Set(['a,b,c', 'd,e']))
  })
})

describe('bounds', () => {
  it('casts through unknown are counted, and those in text are not', () => {
    const text = `export const x = 1 as unknown as string\nexport const y = (2 as unknown) as number\n// as unknown as\nexport const z = 'as unknown as'`
    expect(problems({ 'ground/app.ts': text })).toEqual([])
    expect(problems({ 'ground/app.ts': `${text}\nexport const w = 3 as unknown as string` })).toEqual([
      'Too many casts through unknown:\n  ground/app.ts:1\n  ground/app.ts:5',
    ])
  })

  it('long lines are counted once a bound is set', () => {
    const text = `// ${'x'.repeat(80)}`
    expect(problems({ 'ground/app.ts': text })).toEqual([expect.stringContaining('ground/app.ts:1')])
    expect(
      problems({ 'ground/app.ts': text }, { longLines: { ...PLAN.longLines, most: undefined } }),
    ).toEqual([])
  })

  it('exceptions are counted, and need a reason', () => {
    expect(problems({ 'ground/app.ts': `// oxlint-disable-next-line max-lines\nexport {}` })).toEqual([
      expect.stringMatching(/^ground\/app\.ts:1: an exception without a reason/),
      expect.stringContaining('2 exceptions'),
    ])
    expect(problems({ 'ground/app.ts': `/* oxlint-disable */\nexport {}` })).toHaveLength(2)
    expect(problems({ 'ground/app.ts': `// oxlint-disable-next-line no-await-in-loop\nexport {}` })).toEqual(
      [],
    )
  })

  it("a test's function has a bound, but not a describe, whose lines are its tests'", () => {
    const body = '\n'.repeat(6)
    const test = (call: string): readonly string[] => problems({ 'wings/east/a.test.ts': call })
    expect(test(`it('x', () => {${body}})`)).toEqual([
      expect.stringMatching(/^wings\/east\/a\.test\.ts:1: a function of 7 lines/),
    ])
    expect(test(`function help() {${body}}`)).toHaveLength(1)
    expect(test(`describe('x', () => {${body}})`)).toEqual([])
    expect(test(`describe.skipIf(true)('x', () => {${body}})`)).toEqual([])
    expect(test(`describe('x', () => { const help = () => {${body}} })`)).toHaveLength(1)
    expect(
      test(`// oxlint-disable-next-line max-lines-per-function -- one scenario\nfunction help() {${body}}`),
    ).toEqual([])
  })
})

it('a module that does not parse is an error that names it', () => {
  expect(() => readModule('ground/app.ts', 'const = 1', 80)).toThrow(/^ground\/app\.ts: /)
})

it('the mark of a merge conflict is found in a comment too', () => {
  expect(problems({ 'ground/app.ts': `/*\n${'<'.repeat(7)} HEAD\n*/` })).toEqual([
    'ground/app.ts:2: the mark of a merge conflict',
  ])
})

describe('the picture of the architecture', () => {
  const draw = (files: Readonly<Record<string, string>>): string =>
    drawPicture(
      new Map(Object.entries(files).map(([path, text]) => [path, { text, ...readModule(path, text, 80) }])),
    )

  it('has an arrow for each two rooms of which one imports a value of the other, once', () => {
    const picture = draw({
      'adapters/lambda/a.ts': `import { x } from '../drivers/s3/index.ts'`,
      'adapters/lambda/b.ts': `import { y } from '../drivers/sqs/index.ts'`,
      'adapters/isolate/host/c.ts': `export * from '../engine/d.ts'`,
    })
    expect(picture.match(/^ {2}\w+ --> \w+$/gm)).toEqual([
      '  adapters_isolate_host --> adapters_isolate',
      '  adapters_lambda --> adapters_drivers',
    ])
  })

  it('has none for types, for packages, within a room, or to the contract', () => {
    const picture = draw({
      'adapters/lambda/a.ts': [
        `import type { X } from '../drivers/s3/index.ts'`,
        `import { y } from './b.ts'`,
        `import { z } from 'ws'`,
        `import { k } from '../../core/bindings/kv.ts'`,
      ].join('\n'),
    })
    expect(picture).not.toContain('-->')
  })

  it('stands between two marks, without which a page is refused', () => {
    const page = 'a\n<!-- picture -->\nold\n<!-- /picture -->\nb'
    const { start, end } = findPicture(page)
    expect(page.slice(start, end)).toBe('old')
    expect(() => findPicture('a\n<!-- picture -->\nold')).toThrow('The page has no <!-- picture -->')
  })
})
