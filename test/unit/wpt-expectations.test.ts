import { readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AREAS } from '../wpt/areas.ts'
import {
  compare,
  type Expectation,
  expectationsFile,
  readExpectations,
  renewed,
} from '../wpt/expectations.ts'
import { WHOLE_FILE } from '../wpt/result.ts'
import { runArea } from '../wpt/runner.ts'
import { createIsolateRunner } from '../wpt/runtime-isolate.ts'

const PASS = { status: 0, message: '' }
const FAIL = { status: 1, message: 'no' }
const result = {
  name: 'url',
  passed: 1,
  total: 3,
  files: [
    {
      id: 'url/a.any.js',
      tests: [
        { name: 'one', ...PASS },
        { name: 'two', ...FAIL },
      ],
    },
    { id: 'url/b.any.js?x', tests: [{ name: WHOLE_FILE, ...FAIL }] },
  ],
}

describe('expectations', () => {
  it('name a failure each; what they do not name, and what passes although they do, is a surprise', () => {
    const two: Expectation = { file: 'url/a.any.js', tests: ['two'], reason: 'because' }
    const whole: Expectation = { file: 'url/b.any.js?x', tests: 'all', reason: 'because' }
    expect(compare(result, [two, whole])).toEqual({ failures: [], passes: [] })
    expect(compare(result, [whole]).failures).toEqual(['url/a.any.js: two: no'])
    expect(compare(result, [two, whole, { ...two, tests: ['one'] }]).passes).toEqual(['url/a.any.js: one'])
    expect(compare(result, [two, whole, { ...two, tests: ['gone'] }]).passes).toEqual(['url/a.any.js: gone'])
  })

  it('are renewed with the reasons that there were', () => {
    expect(renewed(result, [{ file: 'url/a.any.js', tests: ['two', 'three'], reason: 'because' }])).toEqual([
      { file: 'url/a.any.js', tests: ['two'], reason: 'because' },
      { file: 'url/b.any.js?x', tests: 'all', reason: '' },
    ])
  })

  it('of every area give a reason and name files of that area', async () => {
    const known = AREAS.map(({ name }) => expectationsFile(name).pathname.split('/').at(-1))
    expect(
      (await readdir(new URL('../wpt/expectations', import.meta.url))).filter(
        (file) => !known.includes(file),
      ),
    ).toEqual([])
    for (const { name, folders } of AREAS)
      for (const { file, reason } of await readExpectations(name)) {
        expect(reason).toMatch(/\.$/)
        expect(folders.some((folder) => file.startsWith(`${folder}/`))).toBe(true)
      }
  })
})

const root = process.env['WPT_DIR']
if (root === undefined)
  console.log(
    'Skipped: web platform tests. Set WPT_DIR to a checkout; test/wpt/README.md says where one comes from.',
  )

describe.skipIf(root === undefined)('a few areas of the web platform tests', () => {
  it('do what the expectations say', async () => {
    const run = await createIsolateRunner()
    for (const area of AREAS.filter(({ name }) =>
      ['dom/abort', 'dom/events', 'xhr/formdata', 'html/structured-clone'].includes(name),
    )) {
      const expectations = await readExpectations(area.name)
      const surprises = compare(
        await runArea(area, { root: resolve(root ?? ''), run, expectations }),
        expectations,
      )
      expect(surprises).toEqual({ failures: [], passes: [] })
    }
  })
})
