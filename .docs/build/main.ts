/**
 * `npm run docs`: builds the documentation site into `.docs/site`, from the package in `dist`.
 *
 *     npm run docs                  # then: npx serve .docs/site, or any other file server
 *     npm run docs -- --check       # and checks links, search, policy and twins, and the types of this program
 *     npm run docs -- --out FOLDER  # into another folder
 *     npm run docs -- --record NAME # runs a suite first, and keeps what it said for the page of results
 *
 * The site's own packages are installed the first time (`npm ci` in `.docs`).
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    out: { type: 'string' },
    record: { type: 'string', multiple: true, default: [] },
  },
})

install()
const { record } = await import('./record.ts')
for (const name of values.record) if ((await record(ROOT, name)) !== 0) process.exitCode = 1
const { buildSite } = await import('./site.ts')
const out = resolve(values.out ?? join(ROOT, '.docs/site'))
const begun = performance.now()
const { groups } = await buildSite(ROOT, out)
const pages = groups.reduce((sum, group) => sum + group.pages.length, 1)
const seconds = ((performance.now() - begun) / 1000).toFixed(1)
console.log(`${pages} pages in ${relative(process.cwd(), out)} (${seconds} s)`)
if (values.check) {
  const { checkSite } = await import('./check.ts')
  const { problems, summary } = checkSite(ROOT, out)
  const compiler = join(ROOT, '.docs/node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(ROOT, '.docs')], { stdio: 'inherit' })
  for (const problem of problems) console.error(problem)
  console.log(summary)
  if (problems.length > 0 || status !== 0) process.exitCode = 1
}

/** Installs what the lock file of `.docs` names, unless that has been done since the lock file changed. */
function install(): void {
  const folder = join(ROOT, '.docs')
  const time = (file: string): number => statSync(join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (time('node_modules/.package-lock.json') >= time('package-lock.json')) return
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--silent'], {
    cwd: folder,
    stdio: 'inherit',
  })
  if (status === 0) return
  console.error(
    "The packages of the site are not installed. Run `npm ci` in .docs, which asks npm's registry.",
  )
  process.exit(1)
}
