/**
 * `npm run check:docs`: whatever a public entry exports has a docstring. Every `@example` in one, every `ts`
 * fence of a guide and every whole module in a README compiles against the built package. The CLI's parser
 * takes every `unmoor` line of a Markdown file, and every link in one has its file and its heading.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkCommandLines, readCommandLines } from './command-lines.ts'
import { compileExamples, readExamples } from './examples.ts'
import { findBrokenLinks, isCompiled, readFences } from './markdown.ts'
import { findUndocumented } from './missing-docs.ts'
import { packageEntries, ROOT } from './package.ts'

const { undocumented, symbols } = findUndocumented(ROOT, packageEntries(ROOT))
for (const { name, file, entries } of undocumented)
  console.error(`${name} (${file}) has no docstring. Exported by: ${entries.join(', ')}`)

const read = globSync('{core,adapters}/**/*.ts', {
  cwd: ROOT,
  exclude: ['**/node_modules/**', '**/.unmoor/**'],
})
  .sort()
  .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')] as const)
  .filter(([, text]) => text.includes('@example'))
  .map(([path, text]) => readExamples(path, text))
const pages = globSync(['*.md', '.docs/{,guides/}*.md', '{core,adapters,examples,test}/**/*.md'], {
  cwd: ROOT,
  exclude: ['**/node_modules/**', '**/.unmoor/**', 'test/check-corpus/**', 'test/corpus/*/**'],
}).sort()
const fences = pages.flatMap((page) => readFences(page, readFileSync(join(ROOT, page), 'utf8')))
const examples = [...read.flatMap((one) => one.examples), ...fences.filter(isCompiled)]
const lines = readCommandLines(fences)
const problems = [
  ...read.flatMap((one) => one.problems),
  ...compileExamples(ROOT, examples),
  ...(await checkCommandLines(lines)),
  ...findBrokenLinks(ROOT, pages),
]
for (const problem of problems) console.error(problem)

console.log(
  `${symbols} public symbols, ${undocumented.length} without a docstring; ${pages.length} pages, ` +
    `${examples.length} examples, ${lines.length} command lines, ${problems.length} problems`,
)
if (undocumented.length + problems.length > 0) process.exitCode = 1
