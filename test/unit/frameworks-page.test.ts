import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout } from './temp-project.ts'

test('the page of frameworks names the versions that the corpus builds with', async () => {
  const folder = join(checkout, 'test/corpus/frameworks')
  const page = await readFile(join(checkout, 'test/corpus/FRAMEWORKS.md'), 'utf8')
  const rows = page.slice(page.indexOf('## Tested versions')).match(/^\| (?!framework|---).*\|$/gm) ?? []
  const names = await readdir(folder)
  expect(rows).toHaveLength(names.length)
  for (const name of names) {
    const [manifest, framework] = await Promise.all([
      readFile(join(folder, name, 'package.json'), 'utf8'),
      readFile(join(folder, name, 'framework.ts'), 'utf8'),
    ])
    const { dependencies = {}, devDependencies = {} } = JSON.parse(manifest) as Record<
      string,
      Record<string, string>
    >
    const versions = { ...dependencies, ...devDependencies }
    const subjects = [...(/packages: \[([^\]]*)\]/.exec(framework)?.[1] ?? '').matchAll(/'([^']+)'/g)]
    const wanted = [...subjects.map(([, subject = '']) => subject), 'vite', 'wrangler']
      .filter((each) => versions[each] !== undefined)
      .map((each) => `${each} ${versions[each]}`)
    expect(wanted.length).toBeGreaterThan(1)
    expect([name, rows.some((row) => wanted.every((text) => row.includes(text)))]).toEqual([name, true])
  }
})
