/** A SQL DELETE or UPDATE with ORDER BY and LIMIT; D1 and Durable Objects run the same statements. */
export interface LimitStatement {
  readonly text: string
  readonly params?: readonly unknown[]
  /** Rows of the test table that the tested DELETE or UPDATE leaves. */
  readonly left: string
  /** Rows that RETURNING of the tested SQL statement delivers, in any order. */
  readonly returned?: readonly string[]
}

/** SQL statements that create the tables `{t}`, which the tested statements change, and `{s}`. */
export const LIMIT_SETUP: readonly string[] = [
  'CREATE TABLE {t} (a INTEGER, b TEXT)',
  'CREATE TABLE {s} (k INTEGER, v TEXT)',
  "INSERT INTO {t} VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four')",
  "INSERT INTO {s} VALUES (1, 'S1'), (2, 'S2'), (3, 'S3')",
]

export const LIMIT_ROWS = 'SELECT group_concat(a || b) AS rows FROM (SELECT * FROM {t} ORDER BY a)'

export const LIMIT_STATEMENTS: readonly LimitStatement[] = [
  { text: 'DELETE FROM {t} LIMIT 1', left: '2two,3three,4four' },
  { text: 'DELETE FROM {t} ORDER BY a DESC LIMIT 2', left: '1one,2two' },
  { text: 'delete from {t} where a > ? order by a limit ?', params: [1, 1], left: '1one,3three,4four' },
  {
    text: 'DELETE FROM {t} WHERE a > ? RETURNING a || ? AS x ORDER BY a DESC LIMIT ?',
    params: [1, 'r', 2],
    left: '1one,2two',
    returned: ['3r', '4r'],
  },
  {
    text: 'DELETE FROM {t} WHERE a > ?2 RETURNING a || ?1 AS x ORDER BY a LIMIT ?3',
    params: ['r', 1, 1],
    left: '1one,3three,4four',
    returned: ['2r'],
  },
  { text: 'DELETE FROM {t} AS q WHERE q.a > 1 ORDER BY q.a LIMIT 1 OFFSET 1', left: '1one,2two,4four' },
  { text: 'DELETE FROM main.{t} WHERE {t}.a > 1 ORDER BY {t}.a LIMIT 1', left: '1one,3three,4four' },
  { text: 'DELETE FROM "{t}" WHERE "{t}"."a" > 1 ORDER BY "{t}".a LIMIT 1, 1', left: '1one,2two,4four' },
  { text: "DELETE FROM {t} WHERE b = 'ORDER BY a LIMIT 1' OR a = 1 LIMIT 1", left: '2two,3three,4four' },
  {
    text: 'DELETE FROM {t} -- LIMIT 1\n WHERE a > 1 /* ORDER BY b */ ORDER BY a -- c\n LIMIT 1 -- end',
    left: '1one,3three,4four',
  },
  { text: 'DELETE FROM {t} WHERE a IN (SELECT a FROM {t} ORDER BY a LIMIT 2)', left: '3three,4four' },
  {
    text: 'DELETE FROM {t} WHERE a IN (SELECT a FROM {t} ORDER BY a LIMIT 2) ORDER BY a DESC LIMIT 1',
    left: '1one,3three,4four',
  },
  {
    text:
      'WITH c AS (SELECT a FROM {t} ORDER BY a LIMIT 3) DELETE FROM {t} WHERE a IN c ORDER BY a DESC ' +
      'LIMIT 1',
    left: '1one,2two,4four',
  },
  { text: "UPDATE {t} SET b = 'U' ORDER BY a DESC LIMIT 1", left: '1one,2two,3three,4U' },
  {
    text: 'UPDATE {t} SET b = ? WHERE a > ? RETURNING a || b || ? AS x ORDER BY a LIMIT ?',
    params: ['p', 1, 'z', 2],
    left: '1one,2p,3p,4four',
    returned: ['2pz', '3pz'],
  },
  { text: "UPDATE OR IGNORE {t} SET b = 'U', a = a + 10 WHERE a < 3 LIMIT 1", left: '2two,3three,4four,11U' },
  { text: "UPDATE {t} AS z SET b = 'U' WHERE z.a > 2 LIMIT 1", left: '1one,2two,3U,4four' },
  {
    text: "UPDATE {t} SET (a, b) = (SELECT 9, 'nine' LIMIT 1) WHERE a = 1 LIMIT 1",
    left: '2two,3three,4four,9nine',
  },
  {
    text: 'UPDATE {t} SET b = {s}.v FROM {s} WHERE {s}.k = {t}.a ORDER BY {t}.a DESC LIMIT 1',
    left: '1one,2two,3S3,4four',
  },
  {
    text:
      'UPDATE {t} SET b = (SELECT v FROM {s} WHERE k = {t}.a LIMIT 1) WHERE EXISTS (SELECT 1 FROM {s} ' +
      'WHERE k = {t}.a) ORDER BY a LIMIT 2',
    left: '1S1,2S2,3three,4four',
  },
  { text: "UPDATE {t} SET b = 'x' LIMIT 0", left: '1one,2two,3three,4four' },
  { text: "UPDATE {t} SET b = 'x' ORDER BY a LIMIT 1 + 1", left: '1x,2x,3three,4four' },
  {
    text: "INSERT INTO {t} SELECT 7, 'delete' FROM {s} ORDER BY k LIMIT 1",
    left: '1one,2two,3three,4four,7delete',
  },
]

/** Returns the SQL statement with `suffix` added to its table names. */
export function withTables(text: string, suffix: string): string {
  return text.replaceAll(/\{(\w)\}/g, (_, name: string) => name + suffix)
}
