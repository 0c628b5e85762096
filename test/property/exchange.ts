/** Random exchanges, and what a client sees of one. */
import * as fc from 'fast-check'
import { openRaw } from '../../core/tools/conformance/raw-http.ts'
import type { Plan } from './app.ts'

/** A request and how it is to be answered. Bytes and header values are Latin-1 text, so that they shrink. */
export interface Exchange {
  method: string
  path: string
  headers: [name: string, value: string][]
  body: { type: string | null; chunks: string[]; known: boolean } | null
  plan: Plan
}

/** What comes back, as far as the app decides it. */
export interface Seen {
  status: number
  headers: string[]
  body: string
  complete: boolean
}

const segment = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._~+@:-]{1,8}$/),
  fc.constantFrom('%20', '%C3%A9', 'a%2Bb', '%25', "it's", '(x)', 'a,b;c=d'),
)
const path = fc
  .array(segment, { maxLength: 3 })
  .map((parts) => `/${parts.filter((part) => !/^\.+$/.test(part)).join('/')}`)
const pair = fc.tuple(
  fc.stringMatching(/^[a-z0-9_-]{1,6}$/),
  fc.constantFrom('', '1', 'a+b', '%20', '%C3%A9', '%26', 'x=y'),
)
const query = fc
  .array(pair, { maxLength: 3 })
  .map((pairs) =>
    pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`,
  )

const ascii = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)
const latin1 = fc
  .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0xa1, max: 0xff })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((codes) => String.fromCharCode(...codes))
const headers = (prefix: string): fc.Arbitrary<[string, string][]> =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 4 })
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.tuple(fc.constant(`${prefix}${name}`), fc.oneof({ weight: 3, arbitrary: ascii }, latin1)),
        ),
      ),
    )

const bytes = fc
  .oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    fc.uint8Array({ minLength: 900, maxLength: 3000 }),
  )
  .map((array) => Buffer.from(array).toString('latin1'))

const BOUNDARY = 'boundary-of-the-property'
const quotable = fc.stringMatching(/^[A-Za-z0-9 .é;=-]{1,8}$/).filter((text) => text === text.trim())
const field = fc
  .record({ name: quotable, file: fc.option(quotable), escaped: fc.boolean(), content: bytes })
  .map(({ name, file, escaped, content }) => {
    const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
    const quote = escaped ? '\\"' : ''
    const names = `name="${utf8(name)}${quote}"${file === null ? '' : `; filename="${quote}${utf8(file)}"`}`
    const type = file === null ? '' : 'Content-Type: a/b\r\n'
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; ${names}\r\n${type}\r\n${content}\r\n`
  })
const multipart = fc.array(field, { maxLength: 4 }).map((fields) => `${fields.join('')}--${BOUNDARY}--\r\n`)
const urlEncoded = fc
  .array(pair, { maxLength: 4 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&'))

/** A text cut into chunks, none of them empty: an empty one would end a chunked body. */
const cut = (text: string): fc.Arbitrary<string[]> =>
  fc.array(fc.integer({ min: 1, max: Math.max(1, text.length - 1) }), { maxLength: 4 }).map((places) => {
    const ends = [...new Set([...places, text.length])].filter((end) => end > 0 && end <= text.length)
    return ends.toSorted((a, b) => a - b).map((end, index, all) => text.slice(all[index - 1] ?? 0, end))
  })
const body = fc
  .oneof(
    fc.tuple(fc.constantFrom(null, 'text/plain', 'application/octet-stream', 'application/json'), bytes),
    fc.tuple(fc.constant(`multipart/form-data; boundary=${BOUNDARY}`), multipart),
    fc.tuple(fc.constant('application/x-www-form-urlencoded'), urlEncoded),
  )
  .chain(([type, text]) => fc.record({ type: fc.constant(type), chunks: cut(text), known: fc.boolean() }))

const plan = (form: boolean): fc.Arbitrary<Plan> =>
  fc.record({
    read: form ? fc.constantFrom('form', 'bytes') : fc.constantFrom('bytes', 'text', 'stream', 'clone'),
    status: fc.constantFrom(200, 200, 200, 201, 202, 204, 302, 400, 404, 418, 422, 500, 503),
    headers: headers('x-r'),
    chunks: fc.option(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 })),
  })

/** Any exchange. Bodies go with methods that have one; what a GET's body does is declared to differ. */
export const exchanges: fc.Arbitrary<Exchange> = fc
  .oneof(
    fc.record({ method: fc.constantFrom('GET', 'DELETE', 'OPTIONS'), body: fc.constant(null) }),
    fc.record({
      method: fc.constantFrom('POST', 'PUT', 'PATCH'),
      body: fc.oneof({ weight: 5, arbitrary: body }, fc.constant(null)),
    }),
  )
  .chain(({ method, body: sent }) =>
    fc.record({
      method: fc.constant(method),
      path: fc.tuple(path, query).map((parts) => parts.join('')),
      headers: headers('x-q'),
      body: fc.constant(sent),
      plan: plan(sent?.type?.includes('form') === true),
    }),
  )

/** Sends it over a socket of its own. */
export async function send(
  origin: string,
  { method, path: target, headers: given, body: sent, plan: wanted }: Exchange,
): Promise<Seen> {
  const latin1Json = JSON.stringify(wanted).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const all: [string, string][] = [...given, ['x-plan', latin1Json]]
  if (sent?.type != null) all.push(['content-type', sent.type])
  const connection = await openRaw(origin, {
    method,
    path: target,
    host: 'property.test',
    headers: all,
    chunked: sent !== null && !sent.known,
    ...(sent?.known === true
      ? { body: Buffer.from(sent.chunks.join(''), 'latin1') }
      : sent === null && method.startsWith('P')
        ? { body: '' }
        : {}),
  })
  if (sent !== null && !sent.known) {
    for (const chunk of sent.chunks) connection.chunk(Buffer.from(chunk, 'latin1'))
    connection.end()
  }
  const answer = await connection.response(60)
  return {
    status: answer.status,
    headers: answer.headers
      .filter(([name]) => name.startsWith('x-r'))
      .map((parts) => parts.join(': '))
      .toSorted(),
    body: Buffer.from(answer.body).toString('latin1'),
    complete: answer.complete,
  }
}
