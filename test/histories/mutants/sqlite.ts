import type { Mutant } from './mutant.ts'

const STRONG_KV = 'adapters/drivers/sqlite/strong-kv.js'
const KV = 'adapters/drivers/sqlite/kv.js'
const QUEUE = 'adapters/drivers/sqlite/queue.js'
const STATEMENTS = 'adapters/drivers/sqlite/queue-statements.js'

const kv = (
  workload: 'kv' | 'strong-kv',
  is: string,
  convicts: string,
  ...[file, from, to]: readonly [file: string, from: string, to: string]
): Mutant => ({
  is,
  driver: 'sqlite',
  workload,
  convicts: [convicts],
  patches: [{ file, from, to }],
})

/** The entry that was read last is returned again for a while. */
const CACHED = `async get(key, as) {
        const known = (this.known ??= new Map()).get(key);
        if (known !== undefined && performance.now() < known.until) return known.entry;
        const entry = this.#read(key, as);
        this.known.set(key, { entry, until: performance.now() + 50 });
        return entry;`

export const SQLITE_KV: readonly Mutant[] = [
  kv(
    'strong-kv',
    'strong kv: putIf compares no version, so updates are lost',
    'not linearizable',
    STRONG_KV,
    '`version = ? AND ${isAlive}`',
    '`(version = ? OR 1) AND ${isAlive}`',
  ),
  kv(
    'strong-kv',
    'strong kv: a read is answered from a cache',
    'not linearizable',
    KV,
    'async get(key, as) {\n        return this.#read(key, as);',
    CACHED,
  ),
  kv(
    'strong-kv',
    'strong kv: one of 16 putIf that applied says that it did not',
    'not linearizable',
    STRONG_KV,
    '            return version;\n',
    "            return version.startsWith('0') ? null : version;\n",
  ),
  kv(
    'strong-kv',
    'strong kv: putIf keeps the version that it replaces',
    'version reused',
    STRONG_KV,
    'const version = randomUUID();',
    'const version = expected ?? randomUUID();',
  ),
  kv(
    'strong-kv',
    'strong kv: deleteIf says true where it removed nothing',
    'not linearizable',
    STRONG_KV,
    'this.#seconds()).changes > 0',
    'this.#seconds()).changes >= 0',
  ),
  kv(
    'strong-kv',
    'strong kv: a put is answered before it is stored',
    'not linearizable',
    KV,
    'this.#put.run(key, value, options.metadata ?? null, options.expiration ?? null);',
    'setTimeout(() => this.#put.run(key, value, options.metadata ?? null, options.expiration ?? null), 5);',
  ),
  kv(
    'kv',
    'kv: a read is answered from a cache',
    'stale',
    KV,
    'async get(key, as) {\n        return this.#read(key, as);',
    CACHED,
  ),
  kv(
    'kv',
    'kv: a long value is cut',
    'damaged',
    KV,
    'this.#put.run(key, value, options',
    'this.#put.run(key, value.slice(0, 5000), options',
  ),
]

export const SQLITE_EXPIRY: readonly Mutant[] = [
  kv(
    'kv',
    'kv: an entry is served after its expiration',
    'served expired',
    KV,
    'if (expiration !== null && expiration * 1000 <= this.#now()) {',
    'if (expiration !== null && (expiration + 1) * 1000 <= this.#now()) {',
  ),
  kv(
    'kv',
    'kv: an entry is gone a second before its expiration',
    'gone early',
    KV,
    'if (expiration !== null && expiration * 1000 <= this.#now()) {',
    'if (expiration !== null && (expiration - 1) * 1000 <= this.#now()) {',
  ),
  kv(
    'kv',
    'kv: a list has what expired',
    'listed though gone',
    KV,
    "const live = 'expiration IS NULL OR expiration > ?';",
    "const live = 'expiration IS NULL OR expiration > ? - 2';",
  ),
  kv(
    'kv',
    'kv: a page of a list skips a key',
    'missing in a list',
    KV,
    "encodeCursor(CURSOR, keys[limit - 1]?.name ?? '')",
    "encodeCursor(CURSOR, rows[limit]?.[0] ?? '')",
  ),
]

const queue = (
  is: string,
  convicts: readonly string[],
  ...[file, from, to, also]: readonly [
    file: string,
    from: string,
    to: string,
    also?: readonly [string, string],
  ]
): Mutant => ({
  is: `queue: ${is}`,
  driver: 'sqlite',
  workload: 'queue',
  convicts,
  patches: [{ file, from, to, ...(also === undefined ? {} : { also }) }],
})

export const SQLITE_QUEUE: readonly Mutant[] = [
  queue(
    'a message is acknowledged before its handler',
    ['lost'],
    QUEUE,
    'return inTransaction(deliveries, () => {\n            const token',
    "queueMicrotask(() => deliveries.exec('DELETE FROM messages WHERE lease IS NOT NULL AND attempts = 1'));\n        return inTransaction(deliveries, () => {\n            const token",
  ),
  queue(
    'an acknowledgement needs no lease',
    ['lost'],
    STATEMENTS,
    "'DELETE FROM messages WHERE seq = ? AND lease = ?'",
    "'DELETE FROM messages WHERE seq = ? AND ? IS NOT NULL'",
  ),
  queue(
    'a lease is not renewed',
    ['two holders'],
    STATEMENTS,
    'SET visible_at = ? WHERE seq = ? AND lease = ?',
    'SET visible_at = max(visible_at, 0 * ?) WHERE seq = ? AND lease = ?',
  ),
  queue(
    'a retry resets the attempts',
    ['attempts reused'],
    STATEMENTS,
    "'UPDATE messages SET visible_at = ?, lease = NULL WHERE seq = ?'",
    "'UPDATE messages SET visible_at = ?, attempts = 0, lease = NULL WHERE seq = ?'",
  ),
  queue(
    'a message dies one delivery early',
    ['dead too early'],
    QUEUE,
    'if (attempts <= maxRetries)',
    'if (attempts < maxRetries)',
  ),
  queue(
    'a message dies one delivery late',
    ['too many deliveries'],
    QUEUE,
    'if (attempts <= maxRetries)',
    'if (attempts <= maxRetries + 1)',
    ['if (attempts > maxRetries + 1 &&', 'if (attempts > maxRetries + 2 &&'],
  ),
  queue('a delay is ignored', ['early'], QUEUE, 'time, time + delaySeconds * 1000', 'time, time'),
  queue(
    'the delay of a retry is ignored',
    ['early'],
    QUEUE,
    'retry.run(now() + delaySeconds * 1000, seq)',
    'retry.run(now(), seq)',
  ),
  queue(
    'a long body is cut',
    ['damaged'],
    QUEUE,
    'statement.run(name, id, contentType, body,',
    'statement.run(name, id, contentType, body.slice(0, 30000),',
  ),
  queue(
    'a lease lasts a tenth of its time',
    ['two holders'],
    QUEUE,
    'take.all(time + leaseSeconds * 1000',
    'take.all(time + leaseSeconds * 100',
  ),
  queue(
    'a message whose retries are used up is dropped',
    ['dead letter missing', 'lost'],
    QUEUE,
    'move.run(deadLetter, now(), seq);',
    'ack.run(seq, token);',
  ),
  queue(
    'a send is answered before it is stored',
    ['lost'],
    QUEUE,
    'return this.#sends.add(messages);',
    'setTimeout(() => this.#sends.add(messages), 50);\n        return Promise.resolve();',
  ),
  queue(
    'an acknowledgement is not stored',
    ['delivered after ack'],
    QUEUE,
    'statements.ack.run(...parseLease(settlement.lease));',
    'parseLease(settlement.lease)[1].startsWith("0") || statements.ack.run(...parseLease(settlement.lease));',
  ),
]

export const SQLITE_SQL: readonly Mutant[] = [
  {
    is: 'sql: statements of a transaction commit by themselves',
    driver: 'sqlite',
    workload: 'sql',
    convicts: ['lost append', 'write skew', 'G-single', 'G2', 'G1c', 'G0'],
    patches: [
      {
        file: 'adapters/drivers/sqlite/transaction.js',
        from: "database.exec('BEGIN IMMEDIATE');",
        to: "database.exec('SELECT 1');",
        also: ["database.exec('COMMIT');", "if (database.isTransaction) database.exec('COMMIT');"],
      },
    ],
  },
  // The pause is that of a driver that awaits each statement; without it no reader gets in between.
  {
    is: 'sql: a batch is split',
    driver: 'sqlite',
    workload: 'sql',
    convicts: ['G-single'],
    patches: [
      {
        file: 'adapters/drivers/sqlite/sql.js',
        from: 'return inTransaction(this.#main.database, () => {\n                const results = queries.map((query, at) => {\n                    index = at;',
        to: '{\n                const results = queries.map((query, at) => {\n                    index = at;\n                    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);',
        also: [
          '                return results;\n            });\n        }\n        catch (error) {\n            throw withIndex',
          '                return results;\n            }\n        }\n        catch (error) {\n            throw withIndex',
        ],
      },
    ],
  },
]

const crons = (is: string, convicts: readonly string[], file: string, from: string, to: string): Mutant => ({
  is: `crons: ${is}`,
  driver: 'sqlite',
  workload: 'crons',
  convicts,
  patches: [{ file, from, to }],
})
const STORE = 'adapters/drivers/sqlite/cron/index.js'
const RUN = 'adapters/node-server/runtime/crons/cron-run.js'

export const SQLITE_CRONS: readonly Mutant[] = [
  crons(
    'a time is done before it ran',
    ['done without a run', 'skipped'],
    RUN,
    'if (!(await claim(options, lease)))\n        return;',
    'if (!(await claim(options, lease)))\n        return;\n    await store.finish(cron, time);',
  ),
  crons(
    'a claim does not compare leases',
    ['overlap'],
    STORE,
    'if (until > now && holder !== lease)',
    'if (until < 0)',
  ),
  crons(
    'a time that another replica holds is left out',
    ['skipped'],
    RUN,
    'await sleep(answer.seconds * 1000 + 50, signal);\n            continue;',
    'return false;',
  ),
  crons(
    'a renewal is not stored',
    ['overlap'],
    STORE,
    'UPDATE claims SET leased_until = ? ${WHERE} AND lease = ?',
    'UPDATE claims SET leased_until = max(leased_until, 0 * ?) ${WHERE} AND lease = ?',
  ),
  crons(
    'a time that is done can be claimed',
    ['claimed after done'],
    STORE,
    'if (done !== 0)',
    'if (done > 1)',
  ),
  crons(
    'two replicas get one attempt',
    ['two claims', 'overlap'],
    STORE,
    'const next = holder === lease ? attempt : attempt + 1;',
    'const next = 1;',
  ),
]
