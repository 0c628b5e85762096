import { BUILT_IN_PATCHES, VALUES } from '../../targets/hostile-code.ts'
import type { Attack, AttackClass } from '../attack.ts'
import { byCode, judgeAnswer, mustBe, named } from '../judge.ts'
import type { Answer, World } from '../world.ts'

const EVIL = `JSON.parse('{"__proto__":{"leak":1},"constructor":{"prototype":{"leak":2}}}')`
const DEEP = `JSON.parse('{"a":{"__proto__":{"leak":1}},"b":[{"__proto__":{"leak":1}}],"__proto__":{"__proto__":{"leak":1}}}')`

/** Every way that data goes to the host. */
const WAYS: Readonly<Record<string, string>> = {
  'a value of kv': `env.kv.put('k', JSON.stringify(EVIL))`,
  'metadata of kv': `env.kv.put('k', 'v', { metadata: EVIL })`,
  'options of kv': `env.kv.put('k', 'v', EVIL)`,
  'options of a list of kv': `env.kv.list(EVIL)`,
  'keys of kv': `Promise.all(['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((key) => env.kv.put(key, JSON.stringify(EVIL))))`,
  'many keys of kv': `env.kv.getMany(['__proto__', 'constructor', 'leak'])`,
  'metadata of a blob': `env.files.put('k', 'v', { customMetadata: EVIL, httpMetadata: EVIL })`,
  'names of metadata of a blob': `env.files.put('k', 'v', { customMetadata: JSON.parse('{"__proto__":"leak","constructor":"leak"}') })`,
  'options of a blob': `env.files.get('k', EVIL)`,
  'a message of a queue': `env.jobs.send(EVIL)`,
  'options of a message': `env.jobs.send({}, EVIL)`,
  'a batch of messages': `env.jobs.sendBatch([{ body: EVIL }, EVIL])`,
  'parameters of SQL': `env.db.all('SELECT ?', [EVIL])`,
  'columns of SQL': `env.db.all('SELECT 1 AS "__proto__", 2 AS "constructor", 3 AS "leak"')`,
  'rows of SQL from JSON': `env.db.all('SELECT json(?) AS "__proto__"', [JSON.stringify(EVIL)])`,
  'a batch of SQL': `env.db.batch([EVIL, { text: 'SELECT 1', params: EVIL }])`,
  'tables of SQL': `env.db.run('CREATE TABLE IF NOT EXISTS "__proto__" ("constructor" TEXT, "prototype" TEXT)')`,
  'a stored answer': `env.pages.put('https://h/', new Response(JSON.stringify(EVIL), { headers: { '__proto__': 'leak', 'cache-control': 'max-age=9' } }))`,
  'a key of the cache': `env.pages.match('https://h/__proto__')`,
  'headers of a request': `fetch('http://127.0.0.1:1/', { headers: EVIL }).catch(() => {})`,
  'options of fetch': `fetch('http://127.0.0.1:1/', EVIL).catch(() => {})`,
  'headers of a service call': `env.itself.fetch('http://x/', { headers: JSON.parse('{"__proto__":"leak","constructor":"leak"}') })`,
  'the body of a service call': `env.itself.fetch('http://x/', { method: 'POST', body: JSON.stringify(EVIL) })`,
  'a form of a service call': `(() => { const form = new FormData(); form.append('__proto__', 'leak'); form.append('constructor[prototype][leak]', '1'); return env.itself.fetch('http://x/', { method: 'POST', body: form }) })()`,
  'the algorithm of a digest': `crypto.subtle.digest(EVIL, new Uint8Array(1))`,
  'the algorithm of a key': `crypto.subtle.importKey('raw', new Uint8Array(8), Object.assign(EVIL, { name: 'HMAC', hash: 'SHA-256' }), true, ['sign'])`,
  'a key as JWK': `crypto.subtle.importKey('jwk', Object.assign(EVIL, { kty: 'oct', k: 'AAAA' }), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])`,
  'a log': `Promise.resolve(console.log(EVIL))`,
  'a structured clone': `Promise.resolve(structuredClone(EVIL))`,
  'search parameters': `Promise.resolve(new URL('http://h/?__proto__[leak]=1&constructor[prototype][leak]=2').searchParams.toString())`,
}

/** The host's prototypes are what they were, whatever came. */
async function judge(app: string, answer: Answer, world: World): Promise<ReturnType<typeof judgeAnswer>> {
  const added = await world.pollution()
  return added.length > 0 ? mustBe(false, `added in the host: ${added.join()}`) : judgeAnswer(app, answer)
}

const attempt = (work: string): string =>
  `try { await ${work} } catch (error) { if (error instanceof ReferenceError) throw error } return typeof {}.leak`

/** What every binding is handed. */
const ATTEMPTS = `
  const attempts = [() => env.kv.put('k', value()), () => env.kv.put('k', 'v', value()), () => env.kv.put('k', 'v', { metadata: value() }), () => env.kv.list(value()), () => env.kv.get(value()), () => env.files.put('k', value()), () => env.files.get('k', value()),
    () => env.db.all(value()), () => env.db.all('select ?', [value()]), () => env.db.batch([value()]), () => env.jobs.sendBatch([value()]), () => env.jobs.sendBatch(value()), () => env.pages.match(value()), () => env.pages.put('http://h/', value()),
    () => crypto.subtle.digest(value(), new Uint8Array(1)), () => crypto.subtle.importKey('raw', value(), value(), false, ['sign']), () => fetch('http://127.0.0.1:1/', value()), () => structuredClone(value()), () => console.log(value()), () => new Response(value()), () => new Headers(value()), () => new URL(value())]
  for (const work of attempts) { try { await work() } catch {} }
  return typeof {}.leak`

/** Data that names a prototype, and tenants that change their own. */
export const prototype: AttackClass = {
  name: 'prototype',
  promise: 'What crosses is copied as data: no tenant changes a prototype but those of its own isolate.',
  tenant: { build: 'lab', limits: { cpuMs: 3000, wallTimeout: 4 } },
  perApp: 2,
  attacks: [
    ...named('a prototype in', WAYS, (name, work) =>
      byCode(name, attempt(work.replaceAll('EVIL', EVIL)), judge),
    ),
    ...named('a deep prototype in', WAYS, (name, work) =>
      byCode(name, attempt(work.replaceAll('EVIL', DEEP)), judge),
    ).filter((_, index) => index % 3 === 0),
    ...named('a value that is', VALUES, (name, value) =>
      byCode(name, `const value = () => (${value}); ${ATTEMPTS}`, judge),
    ),
    ...BUILT_IN_PATCHES.map((patch): Attack => ({
      name: `a tenant whose ${patch.slice(0, 70)}`,
      async run(world, app) {
        // It breaks its own requests as it likes; the neighbour is looked at after it.
        for (const body of [`${patch}; return 1`, 'return 2'])
          await world.send(app, { method: 'POST', body }).catch(() => {})
        const added = await world.pollution()
        return mustBe(added.length === 0, `added in the host: ${added.join()}`)
      },
    })),
  ],
  hole: {
    is: 'arguments are merged key by key',
    file: 'adapters/isolate/services/codec.js',
    from: `    return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, decodeArgument(value, context)]));`,
    to: `    const merge = (target, source) => { for (const key of Object.keys(source)) { const value = source[key]; if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && key in target) merge(target[key], value); else target[key] = value; } return target; };
    return merge({}, object);`,
    attacks: ['a prototype in: metadata of kv', 'a prototype in: options of kv'],
    why: /added in the host/,
    alone: true,
  },
}
