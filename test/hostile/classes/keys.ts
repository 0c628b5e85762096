import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Attack, type AttackClass, harmful, held, type Outcome } from '../attack.ts'
import type { World } from '../world.ts'

/** Names that lead elsewhere where they are taken for a path, a pattern, or a part of a key. */
const NAMES: Readonly<Record<string, string>> = {
  'the folder above': '../canary', 'many folders above': '../../../../../../../../etc/passwd', 'the neighbour’s folder': '../neighbour/canary', 'two above and the neighbour’s': '../../neighbour/neighbour/canary', 'the root': '/etc/passwd', 'the folder itself': '.', 'the folder above alone': '..', 'a slash': '/', 'many slashes': '////canary',
  'another separator': '..\\..\\neighbour\\canary', 'a drive': 'C:\\Windows\\win.ini', 'a share': '\\\\host\\share', 'a device': 'CON', 'a stream of NTFS': 'canary::$DATA', 'encoded folders': '%2e%2e%2fcanary', 'twice encoded': '%252e%252e%252fcanary', 'overlong UTF-8': '..%c0%af..%c0%afcanary', 'half encoded': '..%2fcanary', 'a zero': 'a\0b', 'a zero at the end': 'canary\0', 'a line': 'a\nb', 'a carriage return': 'a\r\nb',
  'the separator of Redis': 'neighbour:kv:canary', 'the separator of NATS': 'neighbour.kv.canary', 'all subjects of NATS': '>', 'one subject of NATS': '*', 'a pattern of one': '?anary', 'a pattern of a list': '[c]anary', 'a pattern of LIKE': '%', 'a pattern of LIKE, one': '_anary', 'a quote': `' OR 1=1 --`, 'a double quote': '" OR 1=1 --', 'a backslash': '\\', 'a semicolon': '; DROP TABLE kv; --',
  'the key of a prototype': '__proto__', 'a constructor': 'constructor', 'a hidden file': '.htaccess', 'a file of SQLite': 'kv.sqlite', 'a log of SQLite': 'kv.sqlite-wal', 'a journal': '-journal', 'blanks': '   ', 'a tab': '\t', 'a letter of two forms': 'a\u0308', 'its other form': 'ä', 'text from the right': '\u202Eyranac', 'nothing to see': '\u200B', 'half a character': '\uD800', 'a key of all characters': '\u{10FFFF}', 'nothing': '', 'a letter in capitals': 'CANARY', 'a dash': '-rf', 'an option': '--help', 'a variable': '$HOME', 'a command': '`id`', 'a template': '{{7*7}}', 'a format': '%s%n%x',
} // prettier-ignore

/** Stores under the name by every binding, and reads what is there; values of others are the neighbour's. */
const STORE = `
  const out = []
  const settle = async (work) => { try { return await work() } catch (error) { return 'refused ' + (error.code ?? error.name) } }
  out.push(await settle(() => env.kv.get(name)), await settle(() => env.files.get(name).then((found) => found?.text())), await settle(async () => (await env.pages.match('https://canary.example/' + name))?.text()), await settle(async () => (await env.kv.list({ prefix: name })).keys.length))
  for (const put of [() => env.kv.put(name, 'mine'), () => env.files.put(name, 'mine'), () => env.pages.put('https://mine.example/' + encodeURIComponent(name), new Response('mine', { headers: { 'cache-control': 'max-age=60' } }))]) await settle(put)
  const back = [await settle(() => env.kv.get(name)), await settle(() => env.files.get(name).then((found) => found?.text()))]
  for (const value of back) if (value !== 'mine' && !String(value).startsWith('refused')) out.push('WRONG ' + value)
  await settle(() => env.kv.delete(name)); await settle(() => env.files.delete(name))
  return out`

function outside(world: World): Outcome | undefined {
  const data = join(world.lab.dir, 'data')
  const apps = readdirSync(join(data, 'apps'))
  const odd = apps.filter((name) => !world.lab.host.apps.includes(name))
  if (odd.length > 0) return harmful(`folders beside the apps': ${odd.join()}`)
  if (existsSync(join(world.lab.dir, 'canary')) || existsSync(join(data, 'canary')))
    return harmful('a file outside')
  return undefined
}

/** Paths of requests that lead out of an artifact. */
const PATHS = [
  '/../unmoor.json', '/..%2funmoor.json', '/%2e%2e/unmoor.json', '/%2e%2e%2funmoor.json', '/..%5cunmoor.json', '/assets/../unmoor.json', '/./../app.js', '//etc/passwd', '/%00', '/unmoor.json%00.html', '/..;/unmoor.json', '/.unmoor/', '/.unmoor/channel', '/.unmoor/data', '/.unmoor/data/blob?key=canary', '/.git/config', '/%c0%ae%c0%ae/unmoor.json', '/....//unmoor.json', '/web-api.js', '/app.js.map', '*', '/\\..\\unmoor.json', '/~root', `/${'a/'.repeat(3000)}`,
] // prettier-ignore

/** Keys, names and paths. */
export const keys: AttackClass = {
  name: 'keys',
  promise: 'A key or a path of an app names its own data, whatever it is written with.',
  tenant: { build: 'lab', limits: { cpuMs: 3000 } },
  attacks: [
    ...Object.entries(NAMES).map(([name, key]): Attack => ({
      name: `a key that is ${name}`,
      async run(world, app) {
        const { status, text } = await world.code(app, `const name = ${JSON.stringify(key)}; ${STORE}`)
        if (status !== 200 || text.includes('WRONG')) return harmful(`${status} ${text.slice(0, 300)}`)
        return outside(world) ?? held
      },
    })),
    {
      name: 'the whole list of every store',
      async run(world, app) {
        const { status, text } = await world.code(
          app,
          `return [await env.kv.list(), await env.files.list(), await (await env.pages.match('https://canary.example/'))?.text()]`,
        )
        return status === 200 ? held : harmful(text.slice(0, 200))
      },
    },
    ...PATHS.map((path): Attack => ({
      name: `the path ${path.slice(0, 60)}`,
      async run(world, app) {
        const raw = await world.exchange(
          `GET ${path} HTTP/1.1\r\nHost: ${app}.localhost\r\nConnection: close\r\n\r\n`,
        )
        if (/"manifest"|root:x:0|unmoor_link/.test(raw))
          return harmful(`a file was served: ${raw.slice(0, 200)}`)
        return held
      },
    })),
  ],
  hole: {
    is: 'all apps of a process share one cache',
    file: 'adapters/drivers/memory/cache.js',
    from: '    #answers = new Map();',
    to: '    static all = new Map();\n    #answers = MemoryCache.all;',
    attacks: ['the whole list of every store', 'a key that is nothing'],
    why: /the answer has/,
  },
}
