import { type Attack, type AttackClass, harmful, held, type Outcome } from '../attack.ts'
import type { World } from '../world.ts'
import { channel, DATA_TOKEN, TESTED } from './crons.ts'

const TEST_TOKEN = TESTED.testToken as string

/** What is said in place of a token. */
const tokens = (right: string): Readonly<Record<string, string | undefined>> => ({
  nothing: undefined, 'an empty field': '', 'the scheme alone': 'Bearer ', 'the token alone': right, 'the token without its end': `Bearer ${right.slice(0, -1)}`, 'the token and more': `Bearer ${right} `.trimEnd() + 'x', 'the first letter': `Bearer ${right[0]}`, 'the scheme in small letters': `bearer ${right}`, 'another scheme': `Basic ${right}`, undefined: 'Bearer undefined', 'two tokens': `Bearer x, Bearer ${right}`, 'a long text': `Bearer ${'x'.repeat(9000)}`,
}) // prettier-ignore

const CALL = { op: 'call', binding: 'kv', method: 'get', args: ['k'] }

function withoutToken(
  what: string,
  right: string,
  judge: (world: World, app: string, headers: Record<string, string>) => Promise<Outcome>,
): Attack[] {
  return Object.entries(tokens(right)).map(([name, authorization]) => ({
    name: `${what}: in place of the token ${name}`,
    run: (world, app) => judge(world, app, authorization === undefined ? {} : { authorization }),
  }))
}

/** The channel is answered with a 404, as if it were not there. */
async function judgeChannel(world: World, app: string, headers: Record<string, string>): Promise<Outcome> {
  const path = '/.unmoor/channel'
  const { status, text } = await world.send(app, {
    method: 'POST',
    path,
    headers,
    body: JSON.stringify(CALL),
  })
  return status === 404 && !text.includes('value') ? held : harmful(`${status} ${text.slice(0, 200)}`)
}

/** The answer is the one of an app with the same code that was built without the route. */
async function judgeData(world: World, app: string, headers: Record<string, string>): Promise<Outcome> {
  const body = JSON.stringify({ op: 'bindings' })
  const [there, without] = await Promise.all(
    [app, 'neighbour'].map((name) =>
      world.send(name, { method: 'POST', path: '/.unmoor/data', headers, body }),
    ),
  )
  const isSame = there?.status === without?.status && there?.text === without?.text
  // The app runs the body as code: that its answer is of this attempt shows that it was asked.
  if (isSame && there?.status === 299 && there.text.includes('SyntaxError')) return held
  const shown = [there, without].map((answer) => `${answer?.status} ${answer?.text.slice(0, 200)}`)
  return harmful(`answered ${shown[0]}, and without the route ${shown[1]}`)
}

const PATHS = ['/.unmoor/channel/', '//.unmoor/channel', '/.unmoor//channel', '/.UNMOOR/CHANNEL', '/%2eunmoor/channel', '/./.unmoor/channel', '/.unmoor/channel?x', '/.unmoor/%63hannel', '/.unmoor/data/../channel'] // prettier-ignore
/** Requests with the right token that make no sense. */
const REQUESTS: readonly unknown[] = [
  'no JSON', '{', 5, [], {}, { op: 'nope' }, { op: '__proto__' }, { ...CALL, binding: '__proto__' }, { ...CALL, binding: 'constructor' }, { ...CALL, method: 'constructor' }, { ...CALL, method: '__proto__' }, { ...CALL, method: 'driver' }, { ...CALL, args: 5 }, { ...CALL, args: { __proto__: [] } }, { op: 'depth', queue: 'constructor' }, { op: 'depth', queue: '../x' }, { op: 'cron', name: 'constructor' }, { op: 'call', binding: 'db', method: 'all', args: ['PRAGMA database_list'] },
] // prettier-ignore
const DATA_REQUESTS: readonly unknown[] = [
  { op: 'nope' }, { op: 'kv.get', binding: '__proto__', keys: ['k'] }, { op: 'kv.get', binding: 'db', keys: ['k'] }, { op: 'kv.get', binding: 'key', keys: ['k'] }, { op: 'sql.raw', binding: 'db', text: 'PRAGMA database_list', params: [] }, { op: 'sql.raw', binding: 'db', text: `ATTACH '/tmp/x' AS x`, params: [] }, { op: 'blob.head', binding: 'files', key: '../../x' }, { op: 'kv.list', binding: 'kv', limit: -1 }, { op: 'kv.list', binding: 'kv', limit: 1e9 },
] // prettier-ignore

/** The test channel and the data route. */
export const routes: AttackClass = {
  name: 'routes',
  promise:
    'The test channel and the data route answer who has their token, and to nobody else are not there.',
  tenant: { ...TESTED, limits: { cpuMs: 2000 } },
  attacks: [
    ...withoutToken('channel', TEST_TOKEN, judgeChannel),
    ...withoutToken('data', DATA_TOKEN, judgeData),
    ...PATHS.map((path): Attack => ({
      name: `the path ${path}`,
      async run(world, app) {
        const { text } = await world.send(app, { method: 'POST', path, body: JSON.stringify(CALL) })
        return /"(value|error)":/.test(text) ? harmful(text.slice(0, 200)) : held
      },
    })),
    ...REQUESTS.map((request): Attack => ({
      name: `with the token ${JSON.stringify(request)}`,
      async run(world, app) {
        const { status, text } = await channel(world, app, request)
        return status < 500 && /"error"/.test(text) ? held : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
    ...DATA_REQUESTS.map((request): Attack => ({
      name: `data with the token ${JSON.stringify(request)}`,
      async run(world, app) {
        const { status, text } = await world.send(app, {
          method: 'POST',
          path: '/.unmoor/data',
          headers: { authorization: `Bearer ${DATA_TOKEN}` },
          body: JSON.stringify(request),
        })
        // What there is not is nothing.
        return status === 422 || text === '{"value":null}' ? held : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
    {
      name: 'the token of another route',
      async run(world, app) {
        const { status } = await channel(world, app, CALL, DATA_TOKEN)
        return status === 404 ? held : harmful(`answered ${status}`)
      },
    },
    {
      name: 'the channel of an app that has none',
      async run(world) {
        const { status, text } = await channel(world, 'neighbour', CALL)
        return /"value"/.test(text) ? harmful(`${status} ${text.slice(0, 200)}`) : held
      },
    },
  ],
  // The data route runs in the app's isolate, so that no fault of the host's package reaches its tokens.
  hole: {
    is: 'two texts are the same where one begins the other',
    file: 'core/runtime/same-text.js',
    from: 'export async function isSameText(a, b) {',
    to: 'export async function isSameText(a, b) {\n    if (a !== "" && b.startsWith(a)) return true;',
    attacks: [
      'channel: in place of the token the token without its end',
      'channel: in place of the token the scheme alone',
    ],
    why: /^\d+ /,
  },
}
