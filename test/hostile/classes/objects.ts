import { type AttackClass, boundedBy, harmful, held } from '../attack.ts'
import { byCode, judgeAnswer, limitOf, named } from '../judge.ts'

/** Code in an object: `state` is its state. */
const IN_OBJECT: Readonly<Record<string, string>> = {
  'the path of the database': `return state.storage.sql.exec('PRAGMA database_list').toArray()`,
  'the path of the database by a table': `return state.storage.sql.exec('SELECT * FROM pragma_database_list').toArray()`,
  'a file of another object': `return state.storage.sql.exec("ATTACH 'x.sqlite' AS x").toArray()`,
  'a copy elsewhere': `return state.storage.sql.exec("VACUUM INTO '/tmp/ESCAPED.sqlite'").toArray()`,
  'another journal': `return state.storage.sql.exec('PRAGMA journal_mode = DELETE').toArray()`,
  'a value beyond the largest': `return state.storage.sql.exec('SELECT length(zeroblob(3000000))').toArray()`,
  'a value of the store beyond the largest': `await state.storage.put('k', new Uint8Array(3e7)); return 'stored'`,
  'a key beyond the longest': `await state.storage.put('k'.repeat(1e5), 1); return 'stored'`,
  'a key of a prototype': `await state.storage.put('__proto__', { leak: 1 }); await state.storage.put({ constructor: 1 }); return [typeof {}.leak, typeof (await state.storage.get('__proto__'))]`,
  'a value that cannot be copied': `await state.storage.put('k', () => {}); return 'stored'`,
  'entries without end': `await state.storage.put(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ['k' + i, i]))); return 'stored'`,
  'a list without end': `return [...await state.storage.list({ limit: -1 })].length`,
  'the tables of the store': `return state.storage.sql.exec("SELECT name, sql FROM sqlite_master").toArray()`,
  'the end of the tables of the store': `state.storage.sql.exec('DROP TABLE IF EXISTS _cf_KV'); return state.storage.get('k')`,
  'a transaction that stays open': `state.storage.sql.exec('BEGIN'); return 1`,
  'a transaction in a transaction': `return state.storage.transactionSync(() => state.storage.transactionSync(() => { throw new Error('inner') }))`,
  'a transaction that is never over': `void state.storage.transaction(() => new Promise(() => {})); return 1`,
  'a start that is never over': `void state.blockConcurrencyWhile(() => new Promise(() => {})); return 1`,
  'a start that throws': `await state.blockConcurrencyWhile(async () => { throw new Error('start') }); return 1`,
  'an end of itself': `state.abort?.('over'); return 1`,
  'everything deleted': `await state.storage.deleteAll(); return state.storage.list()`,
  'calls of the store without end': `for (;;) state.storage.sql.exec('SELECT 1').toArray()`,
  'a loop': `for (;;);`,
  'a cursor that is not read': `globalThis.all = []; for (let i = 0; i < 2000; i++) all.push(state.storage.sql.exec('SELECT 1 UNION SELECT 2')); return 1`,
} // prettier-ignore

/** Code in the Worker: `env.ROOM` makes objects. */
const IN_WORKER: Readonly<Record<string, string>> = {
  'a name of a path': `return env.ROOM.getByName('../../neighbour').run('return String(state.id)')`,
  'a name with a zero': `return env.ROOM.getByName('a\\0b').run('return 1')`,
  'a name without end': `return env.ROOM.getByName('n'.repeat(1e5)).run('return 1')`,
  'an id made up': `return env.ROOM.get(env.ROOM.idFromString('f'.repeat(64))).run('return 1')`,
  'an id of another class': `return env.ROOM.get({ toString: () => 'x', equals: () => true }).run('return 1')`,
  'a method of the prototype': `return env.ROOM.getByName('a').constructor('return 1')`,
  'a method that is private': `return env.ROOM.getByName('a').ctx`,
  'a method that there is not': `return env.ROOM.getByName('a').nope()`,
  'the handler of alarms': `return env.ROOM.getByName('a').alarm()`,
  'arguments that are functions': `return env.ROOM.getByName('a').run(() => {})`,
  'objects without end': `for (let i = 0; i < 400; i++) await env.ROOM.getByName('many' + i).run('state.storage.sql.exec("CREATE TABLE IF NOT EXISTS t (a)"); return 1'); return 'made'`,
} // prettier-ignore

/** Runs code in an object of that name: what one attack has blocked keeps no other from its own. */
const inObject = (name: string, code: string): string =>
  `return env.ROOM.getByName(${JSON.stringify(name)}).run(${JSON.stringify(code)})`

/** Durable Objects and their storage. */
export const objects: AttackClass = {
  name: 'objects',
  promise: 'An object’s storage is a database of its own, held to the rules and limits of sql.',
  tenant: { build: 'objects', limits: { cpuMs: 300, startupCpuMs: 10_000, wallTimeout: 20, diskMb: 64 } },
  perApp: 9,
  parallel: 3,
  attacks: [
    ...named('in an object', IN_OBJECT, (name, code) =>
      byCode(name, inObject(name, code), (app, answer) => {
        if (limitOf(answer.text) !== undefined) return judgeAnswer(app, answer)
        if (/\.sqlite"|\/objects\//.test(answer.text)) return harmful(`a path: ${answer.text.slice(0, 200)}`)
        return judgeAnswer(app, answer)
      }),
    ),
    ...named('to objects', IN_WORKER, (name, code) => byCode(name, code)),
    byCode(
      'rows of an object without end',
      inObject(
        'rows',
        `state.storage.sql.exec('CREATE TABLE IF NOT EXISTS t (a)'); for (let i = 0; i < 400; i++) state.storage.sql.exec('INSERT INTO t VALUES (randomblob(500000))'); return 'all'`,
      ),
      (app, { text }) =>
        text.includes('limit of diskMb')
          ? boundedBy(app, 'diskMb')
          : limitOf(text) === 'cpuMs'
            ? held
            : harmful(text.slice(0, 200)),
    ),
    {
      name: 'the end of an isolate in the middle of a write',
      async run(world, app) {
        // On a slow disk the limit may come before the commit: once more then.
        const inTable = async (code: string): Promise<string> => {
          for (;;) {
            const { status, text } = await world.code(app, inObject('write', code))
            if (status === 200 || limitOf(text) === undefined) return text
          }
        }
        await inTable(`state.storage.sql.exec('CREATE TABLE IF NOT EXISTS written (a)'); return 1`)
        const { text } = await world.code(
          app,
          inObject('write', `state.storage.sql.exec('INSERT INTO written VALUES (1)'); for (;;);`),
        )
        if (limitOf(text) !== 'cpuMs') return harmful(`not stopped: ${text.slice(0, 200)}`)
        const rows = await inTable(`return state.storage.sql.exec('SELECT a FROM written').toArray()`)
        return rows === '{"value":[]}'
          ? boundedBy(app, 'cpuMs')
          : harmful(`what was not stored is read: ${rows.slice(0, 200)}`)
      },
    },
  ],
  hole: {
    is: 'the transaction of an isolate that was stopped stays open',
    file: 'adapters/isolate/services/calls.js',
    from: '        this.#rollBackObjects();\n',
    to: '',
    attacks: ['the end of an isolate in the middle of a write'],
    why: /what was not stored/,
  },
}
