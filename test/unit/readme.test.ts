import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const tableOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('|'))

it('shows the conformance matrix as it is', () => {
  const shown = /<!-- matrix -->([\s\S]*)<!-- \/matrix -->/.exec(read('README.md'))?.[1] ?? ''
  expect(tableOf(shown)).toEqual(tableOf(read('core/tools/conformance/MATRIX.md')))
})

it('links to what is there', () => {
  const links = [...read('README.md').matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(
    ([, path]) => path as string,
  )
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([])
  expect(links.length).toBeGreaterThan(5)
})
