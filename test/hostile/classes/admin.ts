import { type Attack, type AttackClass, harmful, held } from '../attack.ts'
import { mustBe } from '../judge.ts'
import { ADMIN_TOKEN, CANARY, type World } from '../world.ts'

/** What is said in place of the token. */
const TOKENS: Readonly<Record<string, string | undefined>> = {
  nothing: undefined, 'an empty field': '', 'the scheme alone': 'Bearer', 'the scheme and a blank': 'Bearer ', 'the token alone': ADMIN_TOKEN, 'another scheme': `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}`, 'the token without its end': `Bearer ${ADMIN_TOKEN.slice(0, -1)}`, 'the token and more': `Bearer ${ADMIN_TOKEN}x`, 'the token and a zero': `Bearer ${ADMIN_TOKEN}%00`, 'the token in capitals': `Bearer ${ADMIN_TOKEN.toUpperCase()}`, 'the scheme in small letters': `bearer ${ADMIN_TOKEN}`, 'two tokens': `Bearer x, Bearer ${ADMIN_TOKEN}`, 'the token in quotes': `Bearer "${ADMIN_TOKEN}"`, 'two blanks': `Bearer  ${ADMIN_TOKEN}`, 'undefined': 'Bearer undefined', null: 'Bearer null', 'an object': 'Bearer [object Object]', 'a star': 'Bearer *', 'a long text': `Bearer ${'x'.repeat(20_000)}`, 'the first letter': `Bearer ${ADMIN_TOKEN[0]}`, 'a JSON web token of no algorithm': 'Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.',
} // prettier-ignore

/** Places that only the operator may see or change. */
const PLACES: readonly (readonly [method: string, path: string, body?: string])[] = [
  ['GET', '/v1/apps'], ['GET', '/v1/apps/neighbour'], ['GET', '/v1/usage'], ['POST', '/v1/apps/neighbour/versions', 'x'], ['POST', '/v1/apps/neighbour/rollback', '{}'], ['POST', '/v1/apps/neighbour/take-over', '{}'], ['PATCH', '/v1/apps/neighbour/settings', '{"variables":{"WORD":"mine"}}'], ['DELETE', '/v1/apps/neighbour'], ['DELETE', '/v1/apps/neighbour?data=delete'], ['PUT', '/v1/apps/neighbour'], ['OPTIONS', '/v1/apps'], ['TRACE', '/v1/apps'],
  ['GET', '//v1/apps'], ['GET', '/v1//apps'], ['GET', '/V1/APPS'], ['GET', '/v1/apps/'], ['GET', '/healthz/../v1/apps'], ['GET', '/metrics/../v1/apps'], ['GET', '/healthz/%2e%2e/v1/apps'], ['GET', '/%76%31/apps'], ['GET', '/v1/apps;x=/healthz'], ['GET', '/v1/apps?path=/healthz'], ['GET', '/v1/apps#/healthz'], ['GET', 'http://x/healthz/../v1/apps'], ['GET', '/metrics?x=/v1/apps&Authorization=Bearer'],
] // prettier-ignore

/** Requests of the operator's that make no sense: refused, and nothing is changed. */
const BODIES: readonly (readonly [name: string, method: string, path: string, body: string])[] = [
  ['settings that are no object', 'PATCH', 'settings', '5'], ['settings that are no JSON', 'PATCH', 'settings', '{'], ['settings of a prototype', 'PATCH', 'settings', '{"__proto__":{"leak":1}}'], ['a setting that there is not', 'PATCH', 'settings', '{"nope":1}'], ['settings of a constructor', 'PATCH', 'settings', '{"constructor":{"prototype":{"leak":1}}}'],
  ['a host of everybody’s names', 'PATCH', 'settings', '{"hosts":["a b"]}'], ['a host with a path', 'PATCH', 'settings', '{"hosts":["a/../b"]}'], ['a path that is none', 'PATCH', 'settings', '{"paths":["x"]}'], ['a limit below zero', 'PATCH', 'settings', '{"limits":{"cpuMs":-1}}'], ['a limit that is text', 'PATCH', 'settings', '{"limits":{"cpuMs":"9"}}'], ['a limit without end', 'PATCH', 'settings', '{"limits":{"cpuMs":1e999}}'], ['a rule that is none', 'PATCH', 'settings', '{"outbound":{"allow":["http://x/"]}}'], ['a variable with a line', 'PATCH', 'settings', '{"variables":{"A\\nB":"x"}}'], ['a secret that is no text', 'PATCH', 'settings', '{"secrets":{"KEY":{}}}'], ['a driver that is none', 'PATCH', 'settings', '{"drivers":{"kv":5}}'], ['a service with a path', 'PATCH', 'settings', '{"services":["../neighbour"]}'],
  ['a version of text', 'POST', 'rollback', '{"version":"1"}'], ['a version below one', 'POST', 'rollback', '{"version":-1}'], ['a version that there is not', 'POST', 'rollback', '{"version":99}'], ['a version of a fraction', 'POST', 'rollback', '{"version":1.5}'], ['a version of an object', 'POST', 'rollback', '{"version":{}}'],
  ['a body without end', 'PATCH', 'settings', `{"variables":{"A":"${'x'.repeat(1.1e6)}"}}`], ['deep JSON', 'PATCH', 'settings', `${'['.repeat(1e5)}${']'.repeat(1e5)}`],
] // prettier-ignore
/** Names of apps that are none. */
const NAMES = ['..', '%2e%2e', '..%2fneighbour', 'a%2fb', 'A', '__proto__', 'constructor', 'a b', 'a%00', '-a', 'x'.repeat(64), '%', '%ff', '*'] // prettier-ignore
const QUERIES = ['?price=x', '?from=never', '?to=', '?from=1e999', '?price=NaN', '?app=__proto__', `?app='%20OR%201=1--`, '?from=2026-01-01&from=x'] // prettier-ignore

/** The neighbour is as it was, and no secret was told. */
async function unchanged(world: World, text: string, status: number): Promise<ReturnType<typeof mustBe>> {
  if (text.includes(CANARY) || text.includes(ADMIN_TOKEN)) return harmful('a secret was told')
  const { text: word } = await world.send('neighbour')
  return mustBe(word === 'neighbour /', `the neighbour answers ${word} after ${status}`)
}

const right = { authorization: `Bearer ${ADMIN_TOKEN}` }

/** The admin port. */
export const admin: AttackClass = {
  name: 'admin',
  promise: 'Only who has the token sees or changes apps; secrets are told to nobody.',
  tenant: { build: 'plain' },
  attacks: [
    ...Object.entries(TOKENS).map(([name, authorization]): Attack => ({
      name: `in place of the token ${name}`,
      async run(world) {
        const headers = authorization === undefined ? {} : { authorization }
        const { status, text } = await world.admin('/v1/apps', { headers })
        return status === 401 || status === 431 ? held : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
    ...PLACES.map(([method, path, body]): Attack => ({
      name: `without a token ${method} ${path}`,
      async run(world) {
        const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
        const raw = await world.exchange(
          `${method} ${path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n${length}\r\n${body ?? ''}`,
          world.lab.host.adminUrl,
        )
        if (/"apps":|"versions":|"usage":/.test(raw)) return harmful(`was told: ${raw.slice(0, 200)}`)
        return unchanged(world, raw, 0)
      },
    })),
    ...BODIES.map(([name, method, path, body]): Attack => ({
      name: `of the operator ${name}`,
      async run(world) {
        const { status, text } = await world.admin(`/v1/apps/neighbour/${path}`, {
          method,
          body,
          headers: { ...right, 'content-type': 'application/json' },
        })
        if (status < 400 || status >= 500) return harmful(`${status} ${text.slice(0, 200)}`)
        return unchanged(world, text, status)
      },
    })),
    ...NAMES.map((name): Attack => ({
      name: `of the operator the app ${name.slice(0, 20)}`,
      async run(world) {
        const { status, text } = await world.admin(`/v1/apps/${name}`, { headers: right, method: 'DELETE' })
        if (status < 400 || status >= 500) return harmful(`${status} ${text.slice(0, 200)}`)
        return unchanged(world, text, status)
      },
    })),
    ...QUERIES.map((query): Attack => ({
      name: `of the operator the usage ${query}`,
      async run(world) {
        const { status, text } = await world.admin(`/v1/usage${query}`, { headers: right })
        return status < 500 ? unchanged(world, text, status) : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
    ...['healthz', 'metrics', 'v1/apps', 'v1/usage'].map((path): Attack => ({
      name: `secrets in ${path}`,
      async run(world) {
        const { text } = await world.admin(`/${path}`, { headers: right })
        return unchanged(world, text, 200)
      },
    })),
  ],
  hole: {
    is: 'a token that begins right is right',
    file: 'adapters/isolate/host/admin/server.js',
    from: 'return timingSafeEqual(digest(authorization ??',
    to: 'if (`Bearer ${token}`.startsWith(authorization ?? "-")) return true;\n    return timingSafeEqual(digest(authorization ??',
    attacks: ['in place of the token the first letter', 'in place of the token the scheme alone'],
    why: /^200 /,
  },
}
