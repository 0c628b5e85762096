import {
  type ColumnMetadata,
  type DatabaseIntrospector,
  type DatabaseMetadataOptions,
  type Kysely,
  type SchemaMetadata,
  sql,
  type TableMetadata,
} from 'kysely'

/** Tables in which Kysely's migrator keeps its state. */
const MIGRATION_TABLES: readonly string[] = ['kysely_migration', 'kysely_migration_lock']

interface ColumnRow {
  table: string
  kind: string
  name: string
  type: string
  required: number
  fallback: string | null
  key: number
}

/**
 * Lists the tables of a SQLite database like Kysely's own introspector, but without D1's internal tables: D1
 * refuses to list their columns and would fail the whole query.
 */
export class OwnTablesIntrospector implements DatabaseIntrospector {
  // oxlint-disable-next-line typescript/no-explicit-any -- Kysely's own signature
  #db: Kysely<any>

  // oxlint-disable-next-line typescript/no-explicit-any -- Kysely's own signature
  constructor(db: Kysely<any>) {
    this.#db = db
  }

  /** Returns an empty list of database schemas: SQLite has none. */
  async getSchemas(): Promise<SchemaMetadata[]> {
    return []
  }

  async getTables(options?: DatabaseMetadataOptions): Promise<TableMetadata[]> {
    const { rows } = await sql<ColumnRow>`
      SELECT m.name AS "table", m.type AS kind, p.name AS name, p.type AS type,
        p."notnull" AS required, p.dflt_value AS fallback, p.pk AS key
      FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p
      WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND m.name NOT LIKE '!_cf!_%' ESCAPE '!'
      ORDER BY m.name, p.cid`.execute(this.#db)
    const hidden = options?.withInternalKyselyTables === true ? [] : MIGRATION_TABLES
    return [...Map.groupBy(rows, ({ table }) => table)]
      .filter(([name]) => !hidden.includes(name))
      .map(([name, columns]) => ({
        name,
        isView: columns[0]?.kind === 'view',
        isForeign: false,
        columns: toColumns(columns),
      }))
  }
}

function toColumns(rows: readonly ColumnRow[]): ColumnMetadata[] {
  const counted = countedColumn(rows)
  return rows.map(({ name, type, required, fallback }) => ({
    name,
    dataType: type,
    isNullable: required === 0,
    isAutoIncrementing: name === counted,
    hasDefaultValue: fallback !== null,
  }))
}

/**
 * Returns the column that SQLite numbers by itself: AUTOINCREMENT is allowed only on an INTEGER PRIMARY KEY.
 */
function countedColumn(rows: readonly ColumnRow[]): string | undefined {
  const keys = rows.filter(({ key }) => key > 0)
  return keys.length === 1 && keys[0]?.type.toLowerCase() === 'integer' ? keys[0].name : undefined
}
