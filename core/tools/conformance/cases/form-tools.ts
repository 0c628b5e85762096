/**
 * Shared helpers of the cases about forms: handwritten multipart bodies, and the fixture app's description of
 * form fields.
 */
import { equal, sha256 } from '../assert.ts'
import type { WireTools } from '../case.ts'

export const BOUNDARY = 'xBOUNDARYxxxxxxxxxxxxxxxxxx'
export const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`
export const URL_ENCODED = 'application/x-www-form-urlencoded'
export const CLOSE = `--${BOUNDARY}--\r\n`

/**
 * Returns one part of a multipart form body: parameters after `form-data; `, further headers, and the
 * content.
 */
export function part(names: string, content = 'v', headers: readonly string[] = []): string {
  const lines = [`--${BOUNDARY}`, `Content-Disposition: form-data; ${names}`, ...headers, '', content, '']
  return lines.join('\r\n')
}
export const file = (names: string): string => part(names, 'v', ['Content-Type: text/plain'])

/** A form field as the fixture app describes it: text, or a file's name and type with its bytes as text. */
type Told = [name: string, value: string] | [name: string, filename: string, type: string, text: string]

export async function post(
  tools: WireTools,
  body: string | Uint8Array<ArrayBuffer>,
  type = MULTIPART,
  path = '/do/form',
): Promise<Response> {
  // The form's body is sent as bytes, so that the client adds no content type of its own.
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  return tools.fetch(path, { method: 'POST', body: bytes, headers: { 'content-type': type } })
}

export async function toldFields(told: readonly Told[]): Promise<object[]> {
  return Promise.all(
    told.map(async ([name, value, type, text]) =>
      type === undefined || text === undefined
        ? { name, value }
        : {
            name,
            filename: value,
            type,
            size: new TextEncoder().encode(text).length,
            sha256: await sha256(text),
          },
    ),
  )
}

/**
 * Posts each multipart body with the closing boundary added, and compares the form fields that the fixture
 * app reads.
 */
export async function reads(
  tools: WireTools,
  bodies: readonly (readonly [what: string, body: string, told: readonly Told[], type?: string])[],
): Promise<void> {
  for (const [what, body, told, type] of bodies) {
    const whole = type?.toLowerCase().startsWith(URL_ENCODED) === true ? body : body + CLOSE
    const answer = await post(tools, whole, type)
    equal([answer.status, await answer.json()], [200, await toldFields(told)], what)
  }
}

/**
 * Posts each form body unchanged. Fails unless reading it as a form is a TypeError, and the body then counts
 * as used.
 */
export async function refuses(
  tools: WireTools,
  bodies: readonly (readonly [what: string, body: string, type?: string])[],
): Promise<void> {
  for (const [what, body, type] of bodies) {
    const answer = await post(tools, body, type, '/do/form-refused')
    const told = (await answer.json()) as { used?: boolean }
    // On Lambda an empty request body is no body at all, so it never counts as used.
    const used = body === '' ? told.used : true
    equal(told, { error: 'TypeError', said: true, isTypeError: true, used }, what)
  }
}
