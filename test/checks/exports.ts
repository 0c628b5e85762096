/** `npm run check:exports`: no declaration that a public entry leads to is exported by none. */
import { findForgotten } from './forgotten-exports.ts'
import { packageEntries, ROOT } from './package.ts'

const entries = packageEntries(ROOT)
const forgotten = findForgotten(ROOT, entries)
for (const { name, file, path } of forgotten)
  console.error(`${name} (${file}) is exported by no public entry. Reached by: ${path.join(' > ')}`)
console.log(
  `${entries.filter(({ internal }) => !internal).length} public entries, ${forgotten.length} forgotten exports`,
)
if (forgotten.length > 0) process.exitCode = 1
