import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Attack, type AttackClass, harmful } from '../attack.ts'
import { judgeAnswer } from '../judge.ts'
import type { World } from '../world.ts'

/** Statements that lead out of the app's database, or tell of the machine. DIR is the host's folder. */
const STATEMENTS = [
  `PRAGMA database_list`, `SELECT * FROM pragma_database_list`, `SELECT file FROM pragma_database_list()`, `SELECT * FROM pragma_database_list('main')`,
  `PRAGMA journal_mode = DELETE`, `PRAGMA main.journal_mode`, `SELECT * FROM pragma_journal_mode`, `PRAGMA locking_mode = EXCLUSIVE`, `PRAGMA page_size = 512`, `PRAGMA writable_schema = ON`,
  `PRAGMA max_page_count = 1`, `PRAGMA cache_size = 1000000000`, `PRAGMA mmap_size = 100000000000`, `PRAGMA temp_store_directory = 'DIR'`, `PRAGMA data_store_directory = 'DIR'`, `PRAGMA temp_store = FILE`,
  `PRAGMA synchronous = OFF`, `PRAGMA wal_checkpoint(TRUNCATE)`, `PRAGMA wal_autocheckpoint = 0`, `PRAGMA journal_size_limit = 0`, `PRAGMA user_version = 9`, `PRAGMA schema_version = 9`, `PRAGMA application_id = 9`,
  `PRAGMA trusted_schema = ON`, `PRAGMA secure_delete = ON`, `PRAGMA auto_vacuum = FULL`, `PRAGMA incremental_vacuum`, `PRAGMA hard_heap_limit = 1`, `PRAGMA soft_heap_limit = 1`, `PRAGMA threads = 64`, `PRAGMA busy_timeout = 600000`,
  `PRAGMA compile_options`, `PRAGMA function_list`, `PRAGMA module_list`, `PRAGMA pragma_list`, `PRAGMA key = 'x'`, `PRAGMA query_only = ON`, `PRAGMA read_uncommitted = ON`, `PRAGMA shrink_memory`, `PRAGMA encoding = 'UTF-16'`, `PRAGMA integrity_check(1000000000)`,
  `ATTACH 'DIR/data/apps/neighbour/neighbour/sql-db.sqlite' AS n`, `ATTACH DATABASE 'file:DIR/data/apps/neighbour/neighbour/db.sqlite?mode=ro' AS n`, `ATTACH ':memory:' AS m`, `ATTACH '' AS t`, `ATTACH 'DIR/stolen.sqlite' AS n`, `ATTACH 'file:shared?mode=memory&cache=shared' AS n`, `DETACH main`,
  `VACUUM INTO 'DIR/stolen.sqlite'`, `VACUUM main INTO 'DIR/stolen.sqlite'`, `VACUUM INTO 'file:DIR/stolen.sqlite'`,
  `SELECT load_extension('DIR/x')`, `SELECT load_extension('libc.so.6', 'system')`, `SELECT readfile('/etc/passwd')`, `SELECT writefile('DIR/stolen.sqlite', 'x')`, `SELECT edit('x', 'sh')`, `SELECT fts3_tokenizer('simple')`, `SELECT fts3_tokenizer('x', x'4141414141414141')`,
  `SELECT sqlite_source_id(), sqlite_compileoption_get(1)`, `SELECT * FROM dbstat`, `SELECT * FROM sqlite_dbpage`, `SELECT * FROM sqlite_stmt`, `SELECT * FROM bytecode('SELECT 1')`, `SELECT * FROM fsdir('/')`, `SELECT * FROM zipfile('DIR/x.zip')`, `SELECT * FROM lsdir('/')`,
  `CREATE VIRTUAL TABLE v USING csv(filename='/etc/passwd')`, `CREATE VIRTUAL TABLE v USING zipfile('DIR/x.zip')`, `CREATE VIRTUAL TABLE v USING fsdir`, `CREATE VIRTUAL TABLE temp.v USING statement((SELECT 1))`, `CREATE VIRTUAL TABLE v USING dbdump`, `CREATE VIRTUAL TABLE v USING sqlite_dbpage`, `CREATE VIRTUAL TABLE v USING vfsstat`,
  `CREATE VIEW w AS SELECT * FROM pragma_database_list; SELECT * FROM w`, `CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT load_extension('x'); END`, `INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x(a)')`, `UPDATE sqlite_master SET sql = 'x'`, `DELETE FROM sqlite_schema`, `UPDATE sqlite_sequence SET seq = -1`, `CREATE TABLE sqlite_mine (a)`, `ALTER TABLE sqlite_master RENAME TO mine`,
  `SELECT * FROM canary`, `SELECT * FROM neighbour.canary`, `SELECT a FROM "neighbour"."canary"`, `SELECT group_concat(sql) FROM sqlite_master WHERE sql LIKE '%canary%'`,
  `BEGIN EXCLUSIVE`, `BEGIN; BEGIN; BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT s`, `RELEASE s`, `BEGIN IMMEDIATE; SELECT 1`, `REINDEX`, `ANALYZE`, `VACUUM`, `EXPLAIN PRAGMA database_list`, `EXPLAIN QUERY PLAN SELECT * FROM pragma_database_list`,
  `SELECT ?1, ?99999`, `SELECT :a, @b, $c`, `SELECT 'a' || char(0) || 'b'`, `SELECT x'00'`, `SELECT printf('%1000000000d', 1)`, `SELECT zeroblob(2000000000)`, `SELECT randomblob(2000000000)`, `SELECT hex(zeroblob(500000000))`, `SELECT replace(hex(zeroblob(1000000)), '0', hex(zeroblob(1000)))`, `SELECT group_concat(hex(zeroblob(1000000))) FROM (SELECT 1 UNION ALL SELECT 2)`,
  `SELECT json_extract('[' || replace(hex(zeroblob(500000)), '00', '[1],') || '1]', '$[5]')`, `SELECT * FROM generate_series(1, 1000000000)`, `SELECT 1 WHERE 'x' LIKE replace(hex(zeroblob(50000)), '00', '%a')`, `SELECT 'a' GLOB replace(hex(zeroblob(50000)), '00', '*a')`, `SELECT '' REGEXP '(a+)+$'`, `SELECT abs(-9223372036854775808)`, `SELECT unistr('\\ud800')`,
] // prettier-ignore

/** Statements as deep and wide as the language takes them. */
const SHAPES: Readonly<Record<string, string>> = {
  'brackets without end': `'SELECT ' + '('.repeat(1e5) + '1' + ')'.repeat(1e5)`,
  'terms without end': `'SELECT 1' + '+1'.repeat(3e5)`,
  'unions without end': `'SELECT 1' + ' UNION ALL SELECT 1'.repeat(5e4)`,
  'columns without end': `'SELECT ' + Array.from({ length: 5e4 }, (_, i) => i).join()`,
  'joins without end': `'SELECT 1 FROM ' + Array.from({ length: 200 }, (_, i) => '(SELECT 1) t' + i).join()`,
  'a text without end': `"SELECT '" + 'x'.repeat(3e6) + "'"`,
  'a name without end': `'SELECT 1 AS "' + 'n'.repeat(1e6) + '"'`,
  'a zero in the text': `'SELECT 1; \\0 SELECT 2'`,
  'half a character': `'SELECT ' + String.fromCharCode(0xd800)`,
  nothing: `''`,
  'many statements': `'SELECT 1;'.repeat(1e4)`,
  'a comment without end': `'SELECT 1 /*' + 'x'.repeat(1e6)`,
  'parameters without end': `'SELECT ' + Array.from({ length: 4e4 }, () => '?').join()`,
  'CTEs without end': `'WITH ' + Array.from({ length: 2000 }, (_, i) => 'c' + i + ' AS (SELECT ' + (i === 0 ? '1' : '* FROM c' + (i - 1)) + ')').join() + ' SELECT * FROM c1999'`,
}

const FLOODS: Readonly<Record<string, string>> = {
  'a statement without end': `return env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c')`,
  'statements of a third of a second, six at once': `for (;;) await Promise.all(Array.from({ length: 6 }, () => env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c')))`,
  'a result without end': `return (await env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 60000000) SELECT n FROM c')).length`,
  'large values again and again': `await env.db.run('CREATE TABLE t (a)'); await env.db.run('INSERT INTO t VALUES (zeroblob(1900000))'); for (;;) await Promise.all(Array.from({ length: 12 }, () => env.db.all('SELECT a FROM t')))`,
}

/** No file has appeared that the statements name, and the answer is one of the app's own. */
function judge(
  app: string,
  answer: { status: number; text: string },
  world: World,
): ReturnType<typeof judgeAnswer> {
  if (existsSync(join(world.lab.dir, 'stolen.sqlite'))) return harmful('a file outside was written')
  if (readdirSync(world.lab.dir).some((name) => name !== 'data' && name !== 'host.json'))
    return harmful(`files appeared: ${readdirSync(world.lab.dir).join()}`)
  if (answer.text.includes('root:x:0')) return harmful(`a path of the host: ${answer.text.slice(0, 200)}`)
  return judgeAnswer(app, answer)
}

const run = (statement: string): string => `const text = ${statement}
  const all = []
  for (const work of [() => env.db.all(text), () => env.db.run(text), () => env.db.batch([{ text, params: [] }]), () => env.db.all('EXPLAIN ' + text)]) all.push(await work().then((value) => JSON.stringify(value).slice(0, 5000), (error) => error.message))
  return all`

/** Statements of a tenant. */
export const sql: AttackClass = {
  name: 'sql',
  promise: 'An app’s statements reach its own database, and nothing else of the machine.',
  tenant: { build: 'lab', limits: { cpuMs: 3000, diskMb: 64 } },
  perApp: 3,
  attacks: [
    ...STATEMENTS.map((statement): Attack => ({
      name: statement.slice(0, 120),
      async run(world, app) {
        const text = JSON.stringify(statement.replaceAll('DIR', world.lab.dir))
        // Its own folder's name comes back in what it sent.
        const answer = await world.code(
          app,
          `${run(text)}.map((line) => line.replaceAll(${JSON.stringify(world.lab.dir)}, (found) => text.includes(found) ? 'DIR' : found))`,
        )
        return judge(app, answer, world)
      },
    })),
    ...Object.entries(SHAPES).map(([name, code]): Attack => ({
      name,
      run: async (world, app) => judge(app, await world.code(app, run(code)), world),
    })),
    ...Object.entries(FLOODS).map(([name, code]): Attack => ({
      name,
      endsProcess: name === 'a statement without end' ? 'always' : 'maybe',
      run: async (world, app) => judge(app, await world.code(app, code), world),
    })),
  ],
  hole: {
    is: 'every pragma is allowed',
    file: 'adapters/drivers/sqlite/authorizer.js',
    from: 'return PRAGMAS.has(pragma) ? SQLITE_OK : SQLITE_DENY;',
    to: 'return SQLITE_OK;',
    attacks: ['PRAGMA database_list', 'SELECT * FROM pragma_database_list'],
    why: /the answer has|a path of the host/,
  },
}
