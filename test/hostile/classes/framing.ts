import { BODIES, FRAMING, LISTS, OF_CONNECTION, parse, PATCHES } from '../../targets/framing-cases.ts'
import { type Attack, type AttackClass, harmful, held, type Outcome } from '../attack.ts'
import type { Tenant } from '../cast.ts'
import { mustBe } from '../judge.ts'
import type { World } from '../world.ts'

/** An app that the attacks have moved to a process of its own. */
export const ALONE: Tenant = { build: 'plain', limits: { cpuMs: 100 } }
export const WAYS = ['shared', 'alone'] as const
export type Way = (typeof WAYS)[number]
/** The app that answers on that way; `app` is the attack's own, in the shared process. */
export const appOn = (way: Way, app: string): string => (way === 'alone' ? 'alone' : app)

/** Sends code as raw bytes; returns the raw answer. */
function post(
  world: World,
  app: string,
  code: string,
  head = 'HTTP/1.1\r\nConnection: close',
): Promise<string> {
  const body = Buffer.from(code).toString('latin1')
  return world.exchange(
    `POST / ${head}\r\nHost: ${app}.localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}

const WHOLE = 'whole body of the answer'

/** An answer is framed once, has no field of the connection, and leaves nothing on it. */
function judgeAnswer(raw: string): Outcome {
  const { status, names, body, rest } = parse(raw)
  // A cut connection carries nothing after it.
  if (raw === '') return held
  if (!(status >= 200 && status <= 599)) return harmful(`status ${status}: ${raw.slice(0, 100)}`)
  if (names.filter((name) => FRAMING.test(name)).length > 1) return harmful(`framed twice: ${names.join()}`)
  if (names.some((name) => OF_CONNECTION.test(name))) return harmful(`of the connection: ${names.join()}`)
  if (names.includes('set-cookie')) return harmful('a field that the app made of a value')
  if (rest !== '') return harmful(`bytes after the answer: ${rest.slice(0, 80)}`)
  return mustBe(
    status >= 500 || status === 299 || WHOLE.startsWith(body),
    `another body: ${body.slice(0, 80)}`,
  )
}

const MORE_LISTS: [string, [string, string][]][] = [
  ['a length of blanks', [['Content-Length', ' ']]],
  ['a length with a sign', [['Content-Length', '+5']]],
  ['a length in hexadecimal', [['Content-Length', '0x5']]],
  ['a length of less than nothing', [['Content-Length', '-1']]],
  ['a list of lengths', [['Content-Length', '5, 5']]],
  ['a length that no number holds', [['Content-Length', '99999999999999999999']]],
  ['chunked twice', [['Transfer-Encoding', 'chunked'], ['transfer-encoding', 'chunked']]],
  ['chunked and a length under other letters', [['tRANSFER-eNCODING', 'chunked'], ['cONTENT-lENGTH', '3']]],
  ['the end of the connection', [['Connection', 'close, content-length'], ['Content-Length', '9']]],
  ['an upgrade to HTTP/2', [['Connection', 'Upgrade, HTTP2-Settings'], ['Upgrade', 'h2c']]],
] // prettier-ignore

const PAIRS: readonly (readonly [string, string])[] = [
  ['a name with a line', '["x\\r\\nset-cookie: a=b\\r\\ny", "1"]'],
  ['a value with a line', '["x", "1\\r\\nset-cookie: a=b"]'],
  ['a value with a line feed', '["x", "1\\nset-cookie: a=b"]'],
  ['a value with a zero', '["x", "1\\0set-cookie: a=b"]'],
  ['a name with a blank', '["content-length ", "5"]'],
  ['a name with a colon', '["x:set-cookie", "a=b"]'],
  ['an empty name', '["", "set-cookie: a=b"]'],
  ['a value beyond Latin-1', '["x", "\\u010d\\u010aset-cookie: a=b"]'],
] // prettier-ignore
const STATUSES = ['200.5', '204.5', '101', '100', '304.1', '0', '600', 'NaN', '-200', '"200\\r\\nx: y"', '{}']

function answers(way: Way): Attack[] {
  const attack = (name: string, code: string): Attack => ({
    name: `${way}: ${name}`,
    run: async (world, app) => judgeAnswer(await post(world, appOn(way, app), `${PATCHES}; ${code}`)),
  })
  return [
    ...[...LISTS, ...MORE_LISTS].flatMap(([name, headers]) =>
      Object.entries(BODIES).map(([kind, body]) =>
        attack(
          `an answer with ${name}, ${kind}`,
          `return new Response(${body}, { headers: ${JSON.stringify(headers)} })`,
        ),
      ),
    ),
    ...STATUSES.map((status) =>
      attack(
        `an answer with the status ${status}`,
        `const answer = new Response('${WHOLE}'); return new Response('${WHOLE}', { status: ${status} })`,
      ),
    ),
    ...PAIRS.map(([name, pair]) =>
      attack(`an answer with ${name}`, `return new Response('${WHOLE}', { headers: [${pair}] })`),
    ),
    ...['', 'Connection: keep-alive\r\n'].map((field) => ({
      name: `${way}: HTTP/1.0 ${field === '' ? 'alone' : 'that would be kept'}`,
      async run(world: World, app: string) {
        const raw = await post(
          world,
          appOn(way, app),
          `return new Response(${BODIES['a stream']})`,
          `HTTP/1.0\r\n${field}X: y`,
        )
        const { body, names } = parse(raw)
        return mustBe(
          body === WHOLE && !names.includes('transfer-encoding'),
          `HTTP/1.0 got ${raw.slice(0, 200)}`,
        )
      },
    })),
    {
      name: `${way}: a body that is longer than it says`,
      async run(world, app) {
        const code = `return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('${WHOLE}HTTP/1.1 200 OK\\r\\n\\r\\n')); c.close() } }), { headers: { 'content-length': '${WHOLE.length}' } })`
        const { rest } = parse(await post(world, appOn(way, app), code))
        return mustBe(rest === '', `bytes after the answer: ${rest}`)
      },
    },
    {
      name: `${way}: a body that is shorter than it says`,
      async run(world, app) {
        const raw = await post(
          world,
          appOn(way, app),
          `return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('whole')); c.close() } }), { headers: { 'content-length': '999' } })`,
        ).catch(() => '')
        return raw === '' ? held : mustBe(!raw.includes('\r\n\r\nHTTP/'), 'another answer follows')
      },
    },
  ]
}

/** Answers that a tenant makes of headers, statuses and bodies that its guest would refuse. */
export const framing: AttackClass = {
  name: 'framing',
  promise: 'The host alone says where an answer ends; no tenant answers another’s visitor.',
  tenant: { build: 'plain' },
  others: { alone: ALONE },
  prepare: (world) => world.setApart('alone'),
  attacks: WAYS.flatMap(answers),
  hole: {
    is: 'fields of the connection are an app’s to set',
    file: 'adapters/node-server/runtime/http/respond.js',
    from: 'else if (!CONNECTION_FIELDS.has(name))',
    to: 'else if (name)',
    attacks: [
      'shared: an answer with a length and an encoding, text',
      'shared: an answer with an upgrade, text',
    ],
    why: /framed twice|of the connection/,
  },
}
