/**
 * `npm run check:docs`: whatever a public entry exports has a docstring, and every `@example` in one compiles
 * against the built package.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileExamples, readExamples } from './examples.ts'
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
const examples = read.flatMap((one) => one.examples)
const problems = [...read.flatMap((one) => one.problems), ...compileExamples(ROOT, examples)]
for (const problem of problems) console.error(problem)

console.log(
  `${symbols} public symbols, ${undocumented.length} without a docstring; ` +
    `${examples.length} examples, ${problems.length} problems`,
)
if (undocumented.length + problems.length > 0) process.exitCode = 1
