import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { SqlDialect } from '../../bindings/drivers.ts'
import type { Migration } from '../../bindings/migrations.ts'
import { UnmoorError } from '../../errors.ts'
import type { Manifest } from '../../manifest.ts'

const FILE = /^((\d{4})_[a-z0-9][a-z0-9_-]*)(?:\.(sqlite|postgres))?\.sql$/

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
 * `0001_name.sql` or `0001_name.postgres.sql`, and for two migrations with one number.
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
    migration.files.set(dialect, await readFile(join(folder, file), 'utf8'))
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

/** The .sql files in `folder` as SQL migrations of a Worker, sorted by name as wrangler sorts them. */
async function readNamedMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8')
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
