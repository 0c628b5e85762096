/** Runs a file of SQL on a database of a project, as `wrangler d1 execute --file` does. */
import { readFile } from 'node:fs/promises'
import { withoutLimit } from '../../compat/workers/sql-limit.ts'
import { parseStatements } from '../../bindings/sql-tokenizer.ts'
import { UnmoorError } from '../../errors.ts'
import type { WorkerProject } from '../build/worker/worker.ts'
import { openBindings, type ProjectPlaceOptions } from './project-place.ts'

/** Options of {@link executeFile}, which runs a SQL file on a project's database. */
export interface ExecuteOptions extends Pick<
  ProjectPlaceOptions,
  'projectDir' | 'target' | 'worker' | 'environment' | 'dataDir' | 'envFile'
> {
  /** Absolute path of the SQL file to run. */
  file: string
  /**
   * Name of the sql binding on whose database the SQL file runs, or its name in a Worker's env. Default: the
   * project's only database.
   */
  database?: string | undefined
}

/**
 * Runs every statement of a SQL file on a database, or none of them.
 *
 * @throws `NotFound` without the file or the database; errors of the database, unchanged.
 */
export async function executeFile(
  options: ExecuteOptions,
): Promise<{ binding: string; statements: number; changes: number }> {
  const text = await readFile(options.file, 'utf8').catch((cause: unknown) => {
    throw new UnmoorError('NotFound', `There is no file ${options.file}.`, { operation: 'migrate', cause })
  })
  const { open, project, close } = await openBindings({ ...options, exclude: [] })
  try {
    const databases = [...open].flatMap(([name, binding]) => (binding.kind === 'sql' ? [name] : []))
    const binding = choose(databases, options.database, project.worker)
    const found = open.get(binding)
    if (found?.kind !== 'sql') throw notFound(databases, binding)
    const { db } = found
    const sqlite = db.dialect === 'sqlite'
    const statements = parseStatements(text, sqlite ? 'sqlite' : 'portable').map((one) => ({
      text: sqlite ? withoutLimit(one.text) : one.text,
    }))
    const results = statements.length === 0 ? [] : await db.batch(statements)
    return {
      binding,
      statements: statements.length,
      changes: results.reduce((sum, { changes }) => sum + changes, 0),
    }
  } finally {
    await close()
  }
}

function choose(
  databases: readonly string[],
  named: string | undefined,
  worker: WorkerProject | undefined,
): string {
  const [only, ...more] = databases
  if (named === undefined) {
    if (only !== undefined && more.length === 0) return only
    throw notFound(databases, undefined)
  }
  const own = worker?.spec.env[named]
  return own?.type === 'd1' ? own.binding : named
}

function notFound(databases: readonly string[], named: string | undefined): UnmoorError {
  const list = databases.join(', ')
  const message =
    databases.length === 0
      ? 'The app has no database.'
      : named === undefined
        ? `The app has several databases: ${list}. Name one: --database ${databases[0]}`
        : `The app has no database "${named}". Databases: ${list}.`
  return new UnmoorError('NotFound', message, { operation: 'migrate' })
}
