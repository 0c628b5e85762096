import { constants } from 'node:sqlite'

/** Functions of Node's SQLite that D1's and Durable Objects' SQLite refuse or lack. */
const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'sqlite_version sqlite_source_id sqlite_compileoption_get sqlite_compileoption_used sqlite_log ' +
    'load_extension subtype power ceiling log10 json_pretty json_array_insert jsonb_array_insert ' +
    'json_error_position unistr unistr_quote fts5 fts5_locale fts5_get_locale fts5_source_id ' +
    'fts5_insttoken fts3_tokenizer matchinfo offsets optimize rtreenode rtreedepth median percentile ' +
    'percentile_cont percentile_disc geopoly_area geopoly_bbox geopoly_blob geopoly_ccw ' +
    'geopoly_contains_point geopoly_debug geopoly_group_bbox geopoly_json geopoly_overlap geopoly_regular ' +
    'geopoly_svg geopoly_within geopoly_xform'
  ).split(' '),
)

const MODULES: ReadonlySet<string> = new Set(['fts5', 'fts5vocab', 'rtree', 'rtree_i32'])
/** SQLite's built-in virtual tables that can be used without CREATE. */
const TABLES: ReadonlySet<string> = new Set(['dbstat', 'pragma_module_list', 'sqlite_dbpage', 'sqlite_stmt'])

const TEMPORARY: ReadonlySet<number> = new Set([
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
  constants.SQLITE_CREATE_TEMP_VIEW,
])

/**
 * True if D1 refuses this action, in the terms of SQLite's authorizer. D1 refuses temporary tables, which
 * live as long as the connection and would outlive the request, and functions and virtual tables that reveal
 * facts about the machine.
 */
export function isRefusedByD1(
  action: number,
  first: string | null,
  second: string | null,
  database: string | null,
): boolean {
  const { SQLITE_FUNCTION, SQLITE_CREATE_VTABLE, SQLITE_READ } = constants
  return (
    TEMPORARY.has(action) ||
    (database === 'temp' && action !== SQLITE_READ && !isAlter(action, first)) ||
    (action === SQLITE_FUNCTION && FUNCTIONS.has(second?.toLowerCase() ?? '')) ||
    (action === SQLITE_CREATE_VTABLE && !MODULES.has(second?.toLowerCase() ?? '')) ||
    (action === SQLITE_READ && TABLES.has(first?.toLowerCase() ?? ''))
  )
}

/**
 * True for the update of temporary views and triggers that SQLite itself makes during ALTER TABLE. SQLite
 * refuses an app's statement that updates their table directly.
 */
function isAlter(action: number, table: string | null): boolean {
  return action === constants.SQLITE_UPDATE && table === 'sqlite_temp_master'
}
