import { constants, type DatabaseSync } from 'node:sqlite'
import { isRefusedByD1 } from './d1-rules.ts'
import type { SqliteOptions } from './options.ts'

/**
 * SQLite pragmas that an app may use, because they read the schema or affect one connection: the pragmas that
 * D1 allows, and those for the database's size.
 */
const PRAGMAS: ReadonlySet<string> = new Set([
  'case_sensitive_like',
  'defer_foreign_keys',
  'foreign_key_check',
  'foreign_key_list',
  'foreign_keys',
  'ignore_check_constraints',
  'index_info',
  'index_list',
  'index_xinfo',
  'legacy_alter_table',
  'optimize',
  'quick_check',
  'recursive_triggers',
  'reverse_unordered_selects',
  'table_info',
  'table_list',
  'table_xinfo',
])
/**
 * SQLite pragmas that may only be read, because setting a value would change the file. Full-text search uses
 * `data_version`.
 */
const READ_ONLY: ReadonlySet<string> = new Set(['data_version', 'page_count', 'page_size'])

/**
 * Restricts an app's SQLite statements to its own database: no statement reveals the file's path or changes a
 * setting that outlives the app's code, even through a view or a migration. SQLite's limit of attached
 * databases keeps other files out. With `allows: 'd1'`, what D1 refuses is refused too, in SQLite's own
 * words.
 */
export function authorize(database: DatabaseSync, { allows }: Pick<SqliteOptions, 'allows'>): void {
  const { SQLITE_DENY, SQLITE_OK, SQLITE_PRAGMA } = constants
  database.setAuthorizer((action, first, second, name) => {
    if (allows === 'd1' && isRefusedByD1(action, first, second, name)) return SQLITE_DENY
    if (action !== SQLITE_PRAGMA) return SQLITE_OK
    const pragma = (first ?? '').toLowerCase()
    if (READ_ONLY.has(pragma)) return second === null ? SQLITE_OK : SQLITE_DENY
    return PRAGMAS.has(pragma) ? SQLITE_OK : SQLITE_DENY
  })
}

/** Limits the growth of an app's SQLite database to `bytes` more than its data takes now. */
export function limitGrowth(
  database: DatabaseSync,
  bytes: number,
  options: Pick<SqliteOptions, 'allows'>,
): void {
  database.setAuthorizer(null)
  try {
    const number = (pragma: string): number =>
      Object.values(database.prepare(pragma).get() ?? {})[0] as number
    const used = number('PRAGMA page_count') - number('PRAGMA freelist_count')
    const pages = used + Math.floor(bytes / number('PRAGMA page_size'))
    // SQLite's max_page_count cannot be 0; a value below the current size means no growth.
    database.exec(`PRAGMA max_page_count = ${Math.min(Math.max(1, pages), 0xfffffffe)}`)
  } finally {
    authorize(database, options)
  }
}
