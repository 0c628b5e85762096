import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attack, type AttackClass, harmful, held, type Outcome } from '../attack.ts'
import { built } from '../builds.ts'
import { ADMIN_TOKEN, type World } from '../world.ts'

type Info = Record<string, unknown> & {
  manifest: { bindings: Record<string, Record<string, unknown>>; queues: unknown; crons: unknown } & Record<
    string,
    unknown
  >
}
type Files = Map<string, string>

/** What is done to an artifact that is right before it is uploaded. */
type Change = (files: Files, info: Info) => void

const bind =
  (name: string, declaration: unknown): Change =>
  (_, { manifest }) =>
    void Object.defineProperty(manifest.bindings, name, { value: declaration, enumerable: true })
const file =
  (path: string): Change =>
  (files) =>
    void files.set(path, 'ESCAPED')

const CHANGES: Readonly<Record<string, Change>> = {
  'a file above': file('../ESCAPED'), 'a file above the assets': file('assets/../../ESCAPED'), 'a file at the root': file('/tmp/ESCAPED'), 'a file of a drive': file('C:\\ESCAPED'), 'a file by another separator': file('assets\\..\\..\\ESCAPED'), 'a file of an empty folder': file('assets//ESCAPED'), 'a file of its own folder': file('assets/./ESCAPED'), 'a file with a zero': file('assets/a\0b'), 'a file of a stream': file('assets/a::$DATA'), 'a path without end': file(`assets/${'a/'.repeat(400)}b`), 'a file that a host does not use': file('server.mjs'), 'modules': file('node_modules/isolated-vm/index.js'), 'a package': file('package.json'), 'a prototype': file('__proto__'), 'a file in a file': (files) => void files.set('assets/a', 'x').set('assets/a/b', 'ESCAPED'), 'a map above': file('../app.js.map'),
  'no code': (files) => void files.delete('app.js'), 'no web API': (files) => void files.delete('web-api.js'), 'code that does not parse': (files) => void files.set('app.js', '}{'), 'code that throws': (files) => void files.set('app.js', 'throw new Error("x")'), 'code that loops': (files) => void files.set('app.js', 'for (;;);'), 'code that is all memory': (files) => void files.set('app.js', 'const a = []; for (;;) a.push(new Array(1e5).fill(1))'), 'code that is nothing': (files) => void files.set('app.js', ''), 'a web API that loops': (files) => void files.set('web-api.js', 'for (;;);'), 'a web API that throws': (files) => void files.set('web-api.js', 'throw 1'), 'a web API that is nothing': (files) => void files.set('web-api.js', ''), 'a web API that hands out another link': (files) => void files.set('web-api.js', 'globalThis.__unmoor_link = { connect() { throw 1 }, enter() {} }'), 'a web API whose link lies': (files) => void files.set('web-api.js', 'globalThis.__unmoor_link = { connect(h) { for (let i = 0; i < 1e4; i++) h.post(5, NaN) }, enter: 5 }'),
  'another target': (_, info) => void (info['target'] = 'node'), 'no manifest': (_, info) => void delete (info as Partial<Info>).manifest, 'a manifest of another version': (_, { manifest }) => void (manifest['version'] = 2), 'a name with a path': (_, { manifest }) => void (manifest['name'] = '../neighbour'), 'a name that is no text': (_, { manifest }) => void (manifest['name'] = {}), 'a binding with a path': bind('../../neighbour', { kind: 'kv' }), 'a binding of a prototype': bind('__proto__', { kind: 'kv' }), 'a binding of a constructor': bind('constructor', { kind: 'kv' }), 'a binding with a zero': bind('a\0b', { kind: 'kv' }), 'a binding of no kind': bind('x', { kind: 'nope' }), 'a binding that is null': bind('x', null), 'a binding with a quote': bind(`a"; DROP TABLE x; --`, { kind: 'sql' }), 'a binding without end': bind('x'.repeat(1e5), { kind: 'kv' }), 'bindings without end': (_, { manifest }) => { for (let i = 0; i < 5000; i++) manifest.bindings[`b${i}`] = { kind: 'kv' } },
  'a dead-letter queue with a path': bind('q', { kind: 'queue', deadLetterQueue: '../../x' }), 'a delay below zero': bind('q', { kind: 'queue', maxDelay: -1, retryDelay: -1 }), 'a batch without end': bind('q', { kind: 'queue', batchSize: 1e9 }), 'a service that names an object': bind('s', { kind: 'service', app: {} }), 'queues that are no list': (_, { manifest }) => void (manifest.queues = {}), 'a queue that there is not': (_, { manifest }) => void (manifest.queues = ['nope']), 'a cron that is none': (_, { manifest }) => void (manifest.crons = { x: 'nope' }), 'a cron of every second without end': (_, { manifest }) => void (manifest.crons = { x: '* '.repeat(1e5) }), 'crons of a prototype': (_, { manifest }) => void (manifest.crons = JSON.parse('{"__proto__":{"x":"* * * * *"}}')),
  'a driver with a path': (_, info) => void (info['drivers'] = { kv: { driver: '../../../../tmp/x' } }), 'a driver that is a module': (_, info) => void (info['drivers'] = { kv: { driver: 'node:child_process' } }), 'a driver that is a file': (_, info) => void (info['drivers'] = { kv: { driver: 'file:///tmp/x.mjs' } }), 'a driver of a server': (_, info) => void (info['drivers'] = { kv: { driver: 'redis', url: 'redis://127.0.0.1:6379' } }), 'a driver with another folder': (_, info) => void (info['drivers'] = { kv: { driver: 'sqlite', path: '/tmp/ESCAPED.sqlite' } }), 'a driver of another app’s folder': (_, info) => void (info['drivers'] = { kv: { driver: 'sqlite', path: '../neighbour/neighbour/kv.sqlite' } }), 'drivers of a prototype': (_, info) => void (info['drivers'] = JSON.parse('{"__proto__":{"driver":"sqlite"}}')),
  'a migration that attaches': (_, info) => migration(info, `ATTACH '/tmp/ESCAPED.sqlite' AS x`), 'a migration that writes elsewhere': (_, info) => migration(info, `VACUUM INTO '/tmp/ESCAPED.sqlite'`), 'a migration of a pragma': (_, info) => migration(info, 'PRAGMA journal_mode = DELETE'), 'a migration with a fault': (_, info) => migration(info, 'CREATE TABLE ('), 'a migration of a view of paths': (_, info) => migration(info, 'CREATE VIEW v AS SELECT * FROM pragma_database_list; SELECT * FROM v'), 'a migration whose name is a path': (_, info) => void (info['migrations'] = { db: [{ name: '../../x', checksum: 'x', sql: { default: 'SELECT 1' } }] }), 'migrations of no database': (_, info) => void (info['migrations'] = { kv: [] }), 'migrations that are no list': (_, info) => void (info['migrations'] = { db: {} }),
} // prettier-ignore

function migration(info: Info, text: string): void {
  info['migrations'] = { db: [{ name: '0001_x', checksum: 'x', sql: { default: text } }] }
}

/** What is done to the message itself. */
const MESSAGES: Readonly<Record<string, (body: Buffer, type: string) => { body: Buffer; headers: Record<string, string> }>> = {
  'cut off': (body, type) => ({ body: body.subarray(0, body.length >> 1), headers: { 'content-type': type } }),
  'with another digest': (body, type) => ({ body, headers: { 'content-type': type, 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` } }),
  'with a digest of another kind': (body, type) => ({ body, headers: { 'content-type': type, 'content-digest': 'md5=:AAAA:' } }),
  'of another type': (body) => ({ body, headers: { 'content-type': 'application/zip' } }),
  'without a boundary': (body) => ({ body, headers: { 'content-type': 'multipart/form-data' } }),
  'of another boundary': (body) => ({ body, headers: { 'content-type': 'multipart/form-data; boundary=nope' } }),
  'of nothing': (_, type) => ({ body: Buffer.alloc(0), headers: { 'content-type': type } }),
  'larger than it may be': (_, type) => ({ body: Buffer.alloc(3_000_000), headers: { 'content-type': type } }),
} // prettier-ignore

async function pack(change: Change | undefined): Promise<{ body: Buffer; type: string }> {
  const dir = await built('lab')
  const files: Files = new Map()
  for (const name of ['unmoor.json', 'web-api.js', 'app.js'])
    files.set(name, await readFile(join(dir, name), 'utf8'))
  const info = JSON.parse(files.get('unmoor.json') as string) as Info
  change?.(files, info)
  if (files.has('unmoor.json')) files.set('unmoor.json', JSON.stringify(info))
  const form = new FormData()
  for (const [path, text] of files) form.append(path, new Blob([text]), 'file')
  const packed = new Response(form)
  return { body: Buffer.from(await packed.arrayBuffer()), type: packed.headers.get('content-type') as string }
}

async function upload(
  world: World,
  app: string,
  body: Buffer,
  headers: Record<string, string>,
): Promise<Outcome> {
  const answer = await fetch(`${world.lab.host.adminUrl}/v1/apps/${app}/versions`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { ...headers, authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  const text = await answer.text()
  const escaped = ['/tmp/ESCAPED', '/tmp/ESCAPED.sqlite', join(world.lab.dir, 'ESCAPED'), join(world.lab.dir, 'data/ESCAPED')].find((path) => existsSync(path)) // prettier-ignore
  if (escaped !== undefined) return harmful(`${escaped} was written`)
  const artifacts = join(world.lab.dir, 'data/artifacts/apps')
  if (existsSync(artifacts))
    for (const name of readdirSync(artifacts, { recursive: true }))
      if (/ESCAPED|server\.mjs|node_modules/.test(String(name)) && !/assets/.test(String(name)))
        return harmful(`${String(name)} is among the artifacts`)
  if (answer.status >= 500 && answer.status !== 504) return harmful(`${answer.status} ${text.slice(0, 200)}`)
  if (answer.status < 300) {
    // What was taken is what it says, in the app's own folder; it goes again.
    await fetch(`${world.lab.host.adminUrl}/v1/apps/${app}?data=delete`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    })
  }
  return held
}

const names = new Map<string, string>()
/** An app of its own for each upload. */
function deployed(name: string): string {
  const app = names.get(name) ?? `deployed-${names.size}`
  names.set(name, app)
  return app
}

/** Uploads of who may deploy one app and no more. */
export const artifacts: AttackClass = {
  name: 'artifacts',
  promise: 'An artifact brings no code and no file that is not its own, and takes no name of another app’s.',
  tenant: { build: 'plain' },
  parallel: 3,
  attacks: [
    ...Object.entries(CHANGES).map(([name, change]): Attack => ({
      name: `an artifact with ${name}`,
      async run(world) {
        const { body, type } = await pack(change)
        return upload(world, deployed(name), body, { 'content-type': type })
      },
    })),
    ...Object.entries(MESSAGES).map(([name, change]): Attack => ({
      name: `an upload ${name}`,
      async run(world) {
        const { body, type } = await pack(undefined)
        const changed = change(body, type)
        return upload(world, deployed(name), changed.body, changed.headers)
      },
    })),
  ],
  hole: {
    is: 'any path is safe',
    file: 'adapters/isolate/host/admin/upload.js',
    from: `    if (known || (path.startsWith('assets/') && isSafe(path)))`,
    to: `    if (known || path.startsWith('assets/') || path.endsWith('.mjs'))`,
    attacks: ['an artifact with a file that a host does not use', 'an artifact with a file above the assets'],
    why: /is among the artifacts/,
  },
}
