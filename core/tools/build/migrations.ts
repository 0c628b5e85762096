import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { SqlDialect } from '../../bindings/drivers.ts'
import type { Migration } from '../../bindings/migrations.ts'
import { UnmoorError } from '../../errors.ts'
import type { Manifest } from '../../manifest.ts'

/** Characters of a SQL migration's name after its number and `_`. */
const NAME = '[a-z0-9][a-z0-9_-]*'
const FILE = new RegExp(String.raw`^((\d{4})_${NAME})(?:\.(sqlite|postgres))?\.sql$`)

/**
 * Reads the SQL migrations of each sql binding that has a migrations folder. `anyName` accepts any file name,
 * for Workers: wrangler does so too.
 */
export async function readAllMigrations(
  projectDir: string,
  manifest: Manifest,
  anyName = false,
): Promise<Record<string, Migration[]>> {
  const all: Record<string, Migration[]> = {}
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind === 'sql' && declaration.migrations !== undefined)
      all[binding] = await (anyName ? readNamedMigrations : readMigrations)(
        resolve(projectDir, declaration.migrations),
        binding,
      )
  }
  return all
}

/**
 * The SQL migrations in `folder`, sorted by name. Files that do not end in .sql are ignored.
 *
 * @throws `NotFound` if the folder is missing; `InvalidArgument` for a .sql file whose name is not
 * `0001_name.sql` or `0001_name.postgres.sql`, for two migrations with one number, and for a file in which
 * `unmoor migrate new` left its line alone.
 */
export async function readMigrations(folder: string, binding: string): Promise<Migration[]> {
  const refuse = (message: string): UnmoorError =>
    new UnmoorError('InvalidArgument', `Migrations of "${binding}": ${message}`, {
      binding,
      operation: 'migrations',
    })
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `Migrations of "${binding}": there is no folder ${folder}. Make it, or correct sql({ migrations }).`,
      {
        binding,
        operation: 'migrations',
        cause,
      },
    )
  })
  const byName = new Map<string, { number: string; files: Map<string, string> }>()
  for (const file of names.filter((name) => /\.sql$/i.test(name)).sort()) {
    const match = FILE.exec(file)
    if (match === null)
      throw refuse(
        `the file name "${file}" is not of the form 0001_name.sql or 0001_name.postgres.sql (lower-case ` +
          'letters, digits, - and _). Rename it.',
      )
    const [, name = '', number = '', dialect = 'default'] = match
    const migration = byName.get(name) ?? { number, files: new Map<string, string>() }
    migration.files.set(dialect, await readWritten(folder, file, binding))
    byName.set(name, migration)
  }
  const byNumber = new Map<string, string>()
  for (const [name, { number }] of byName) {
    const twin = byNumber.get(number)
    if (twin !== undefined)
      throw refuse(`"${twin}" and "${name}" have the same number. Give the newer one the next number.`)
    byNumber.set(number, name)
  }
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { files }]) => ({
      name,
      checksum: checksum(files),
      sql: Object.fromEntries(files) as Partial<Record<SqlDialect | 'default', string>>,
    }))
}

/**
 * Reads a SQL migration. A file that nobody has written yet is refused: `unmoor dev` would apply it, and then
 * refuse the statements that are written into it later.
 */
async function readWritten(folder: string, file: string, binding: string): Promise<string> {
  const text = await readFile(join(folder, file), 'utf8')
  if (text.trim() !== unwritten(file.replace(/\.sql$/, ''))) return text
  throw new UnmoorError(
    'InvalidArgument',
    `Migrations of "${binding}": "${file}" is as "unmoor migrate new" made it. Write its statements, or ` +
      'delete the file.',
    { binding, operation: 'migrations' },
  )
}

function unwritten(name: string): string {
  return `-- ${name}: write the statements of this migration here.`
}

/** The .sql files in `folder` as SQL migrations of a Worker, sorted by name as wrangler sorts them. */
async function readNamedMigrations(folder: string, binding: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (file) => {
      const text = await readWritten(folder, file, binding)
      return {
        name: file.replace(/\.sql$/, ''),
        checksum: checksum(new Map([['default', text]])),
        sql: { default: text },
      }
    }),
  )
}

/**
 * Checksum of a SQL migration's files: all dialects with their names and lengths. Line ends count as \n, so
 * that a Windows checkout has the same checksum.
 */
function checksum(files: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
  for (const [dialect, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const normal = text.replaceAll('\r\n', '\n')
    hash.update(`${dialect} ${normal.length}\n${normal}`)
  }
  return hash.digest('hex')
}

/**
 * Creates the SQL file of a new migration, with the next number, and the folder if it is missing. Returns the
 * migration's name and the path of its file.
 *
 * @throws `InvalidArgument` (operation `config`) for a name that does not fit, and if no name with the next
 * number sorts after the files that are there.
 */
export async function createMigration(
  folder: string,
  binding: string,
  name: string,
): Promise<{ name: string; path: string }> {
  checkMigrationName(name)
  const refuse = (message: string, cause?: unknown): UnmoorError =>
    new UnmoorError('InvalidArgument', `Migrations of "${binding}": ${message}`, {
      binding,
      operation: 'config',
      cause,
    })
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw refuse(`the folder ${folder} cannot be made: ${messageOf(cause)}`, cause)
  })
  const files = (await readdir(folder)).filter((file) => /\.sql$/i.test(file)).sort()
  const numbers = files.flatMap((file) => /^\d+(?=_)/.exec(file)?.[0] ?? [])
  const number = numbers.reduce((most, text) => (BigInt(text) > most ? BigInt(text) : most), 0n) + 1n
  const full = `${String(number).padStart(4, '0')}_${name}`
  const last = files.at(-1)
  if (last !== undefined && full < last)
    throw refuse(
      `"${full}.sql" would sort before "${last}", and migrations run in the order of their names. Rename ` +
        `"${last}" to the form 0001_name.sql, if it has run nowhere yet.`,
    )
  const path = join(folder, `${full}.sql`)
  await writeFile(path, `${unwritten(full)}\n`, { flag: 'wx' }).catch((cause: unknown) => {
    throw refuse(`${path} cannot be made: ${messageOf(cause)}`, cause)
  })
  return { name: full, path }
}

/** Maximum length of a new migration's name, which leaves room in a file name of 255 bytes. */
const MAX_NAME = 100

/**
 * Checks the name of a new migration, without its number.
 *
 * @throws `InvalidArgument` (operation `config`) that says the rule.
 */
export function checkMigrationName(name: string): void {
  const hint = /^\d+_/.test(name)
    ? ' Leave out the number: the command adds it.'
    : name.toLowerCase().endsWith('.sql')
      ? ' Leave out .sql: the command adds it.'
      : ''
  if (hint === '' && name.length <= MAX_NAME && new RegExp(`^${NAME}$`).test(name)) return
  throw new UnmoorError(
    'InvalidArgument',
    `"${name}" cannot name a migration. A name has lower-case letters, digits, - and _, begins with a ` +
      `letter or digit, and has at most ${MAX_NAME} characters, such as add_users.${hint}`,
    { operation: 'config' },
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
