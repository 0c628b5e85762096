/**
 * `npm run check:entries`: every entry of the package can be imported from the packed tarball, in a folder
 * that has no optional package; and so can every entry that a release before this one had, or CHANGELOG.md
 * names what replaces it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install, unpack } from './packed.ts'
import { packageEntries, ROOT } from './package.ts'

/** The entries of 0.1.0, with those that its patterns let through. */
const ENTRIES_OF_0_1: readonly string[] = [
  '',
  '/adapter',
  '/build',
  '/cloudflare',
  '/cloudflare/drivers',
  '/cloudflare/hyperdrive',
  '/cloudflare/native',
  '/cloudflare/runtime',
  '/conformance',
  '/data-route',
  ...[
    'dynamodb',
    'env',
    'files',
    'fs',
    'http',
    'memory',
    'nats',
    'postgres',
    'redis',
    's3',
    'secretsmanager',
    'sqlite',
    'sqs',
    'ssm',
  ].map((name) => `/drivers/${name}`),
  ...['memory', 'postgres', 'redis', 'sqlite'].map((name) => `/drivers/${name}/cron`),
  '/drizzle',
  '/from-lambda',
  '/isolate',
  '/isolate/guest',
  '/isolate/host',
  '/isolate/runtime',
  '/kysely',
  '/lambda',
  '/lambda/runtime',
  '/node',
  '/node/runtime',
  '/package.json',
  '/runtime',
  '/strict',
  '/test-channel',
  '/testing',
  '/workers',
  '/workers/html-rewriter',
  '/workers/module',
  '/workers/sockets',
].map((path) => `unmoor${path}`)

/** Entries that stand for a package of the user's own choice. */
const NEEDS: Readonly<Record<string, string>> = { 'unmoor/kysely': 'kysely' }
/** What runs in the isolate alone. Its import says so. */
const NOT_IN_NODE = /runs inside an isolate/

const dir = mkdtempSync(join(tmpdir(), 'unmoor-entries-'))
try {
  install(join(dir, 'app'), unpack(dir), Object.values(NEEDS))
  const entries = packageEntries(ROOT)
  const specifiers = [...new Set([...ENTRIES_OF_0_1, ...entries.map(({ specifier }) => specifier)])]
  const failures = importAll(join(dir, 'app'), specifiers)
  const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')
  const problems = specifiers.flatMap((specifier) => {
    const failure = failures[specifier]
    if (failure === undefined || NOT_IN_NODE.test(failure.message)) return []
    const isGone =
      failure.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' &&
      !entries.some((entry) => entry.specifier === specifier)
    if (!isGone) return [`import '${specifier}': ${failure.message}`]
    return changelog.includes(`\`${specifier}\``)
      ? []
      : [
          `'${specifier}' was an entry and is none. Name \`${specifier}\` and what replaces it in CHANGELOG.md.`,
        ]
  })
  for (const problem of problems) console.error(problem)
  console.log(
    `${specifiers.length} entries, ${Object.keys(failures).length} no longer imported, ${problems.length} problems`,
  )
  if (problems.length > 0) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** What fails of importing each, in a process of its own: some entries change globals. */
function importAll(
  app: string,
  specifiers: readonly string[],
): Readonly<Record<string, { code?: string; message: string }>> {
  const script = `
    const failures = {}
    for (const specifier of ${JSON.stringify(specifiers)}) {
      await import(specifier, specifier.endsWith('.json') ? { with: { type: 'json' } } : undefined)
        .catch((error) => { failures[specifier] = { code: error.code, message: String(error.message) } })
    }
    process.stdout.write(JSON.stringify(failures), () => process.exit(0))`
  const args = ['--preserve-symlinks', '--input-type=module', '-e', script]
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: app, encoding: 'utf8', maxBuffer: 10_000_000 }),
  ) as ReturnType<typeof importAll>
}
