import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeMultipart } from '../../core/runtime/forms/encode.ts'
import { MULTIPART_LIMITS } from '../../core/runtime/forms/multipart.ts'
import { readForm } from '../../core/runtime/forms/read-form.ts'

type Field = [name: string, value: string] | [name: string, filename: string, type: string, bytes: string]

/** The fields that our reader finds, files with their bytes as Latin-1. */
function read(body: string | Uint8Array, type = 'multipart/form-data; boundary=B'): Field[] {
  const bytes = new Uint8Array(typeof body === 'string' ? Buffer.from(body) : body)
  const decode = (part: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(part)
  const fields: Field[] = []
  readForm({ type, bytes: () => bytes, text: () => decode(bytes) }, decode, {
    text: (name, value) => fields.push([name, value]),
    file: (name, content, filename, fileType) =>
      fields.push([name, filename, fileType, Buffer.from(content).toString('latin1')]),
  })
  return fields
}

/** The fields that Node's own parser finds. */
async function readByNode(body: Uint8Array<ArrayBuffer>, type: string): Promise<Field[]> {
  const form = await new Response(body, { headers: { 'content-type': type } }).formData()
  return Promise.all(
    [...form].map(async ([name, value]): Promise<Field> =>
      typeof value === 'string'
        ? [name, value]
        : [name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString('latin1')],
    ),
  )
}

const part = (names: string, content = 'v'): string =>
  `--B\r\nContent-Disposition: form-data; ${names}\r\n\r\n${content}\r\n`
const CLOSE = '--B--\r\n'

/**
 * Text of characters that are special somewhere in a form, the same for each seed. There is no `%22` of its
 * own: HTML leaves it as it is, and it comes back as a quote from every parser that knows the escape.
 */
function specialText(seed: number): string {
  const alphabet = ['a', 'é', '😀', ' ', '"', '%', ';', '=', '-', '--', '\r', '\n', '\r\n', '\\', ',']
  let state = seed * 2_654_435_761
  return Array.from({ length: seed % 12 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return alphabet[(state >>> 8) % alphabet.length]
  }).join('')
}

describe('what other programs write', () => {
  it('a form that Node wrote is read as Node reads it', async () => {
    for (let seed = 1; seed < 300; seed++) {
      const form = new FormData()
      form.append(specialText(seed).replaceAll('\\', '/'), specialText(seed + 1))
      form.append('file', new File([randomBytes(seed)], `f${specialText(seed + 2).replaceAll('\\', '/')}`))
      const response = new Response(form)
      const type = response.headers.get('content-type') ?? ''
      const bytes = await response.bytes()
      expect(read(bytes, type)).toEqual(await readByNode(bytes, type))
    }
  })

  it('curl and mail programs escape quotes by a backslash, browsers write backslashes as they are', () => {
    const names = (text: string): Field[] => read(part(text) + CLOSE)
    expect(names('name="a\\"b"')).toEqual([['a"b', 'v']])
    expect(names('name="a\\\\\\"b"')).toEqual([['a\\"b', 'v']])
    expect(names('name="f"; filename="C:\\dir\\x"')).toEqual([['f', 'C:\\dir\\x', 'text/plain', 'v']])
    expect(names('name="f\\"; filename="dir\\"')).toEqual([['f\\', 'dir\\', 'text/plain', 'v']])
    expect(names('name="f"; filename="dir\\"')).toEqual([['f', 'dir\\', 'text/plain', 'v']])
  })

  it('what is not at the beginning of a line is no boundary', () => {
    const content = 'x--B--\r\n-B\r\n --B\r\n\r-\n--'
    expect(read(part('name="a"', content) + CLOSE)).toEqual([['a', content]])
  })
})

describe('what unmoor writes', () => {
  it('is read by Node and by unmoor as it was', async () => {
    // A long one: Node goes wrong where the content holds the boundary without its dashes.
    const boundary = '----formdata-of-a-test'
    const type = `multipart/form-data; boundary=${boundary}`
    for (let seed = 1; seed < 300; seed++) {
      const name = specialText(seed).replaceAll('\\', '/')
      const text = specialText(seed + 1)
      const file = new File([randomBytes(seed)], `f${specialText(seed + 2).replaceAll('\\', '/')}`)
      const written = new Blob(
        encodeMultipart<File>(
          [
            [name, text],
            ['file', file],
          ],
          boundary,
        ),
      )
      const bytes = await written.bytes()
      const lines = (value: string): string => value.replace(/\r\n|\r|\n/g, '\r\n')
      const content = Buffer.from(await file.arrayBuffer()).toString('latin1')
      const expected = [
        [lines(name), lines(text)],
        ['file', file.name, 'application/octet-stream', content],
      ]
      expect(read(bytes, type)).toEqual(expected)
      expect(await readByNode(bytes, type)).toEqual(expected)
    }
  })

  it('keeps a file without a name a file, where Node makes text of it', () => {
    expect(encodeMultipart([['f', { name: '', type: '' }]], 'B')[0]).toContain('filename=""')
  })
})

describe('URL-encoded text', () => {
  const URL_ENCODED = 'application/x-www-form-urlencoded'

  // Without characters that are not ASCII: Node's own goes wrong where broken escapes stand beside them.
  it('is read as URLSearchParams reads it', () => {
    const pieces = ['a', '=', '&', '+', '%20', '%zz', '%', '%c3%a9', '%C3', '%00', '%41', '1']
    for (let seed = 1; seed < 2000; seed++) {
      let state = seed
      const text = Array.from({ length: seed % 15 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        return pieces[(state >>> 8) % pieces.length]
      }).join('')
      expect(read(text, URL_ENCODED), text).toEqual([...new URLSearchParams(`?${text}`)])
    }
  })

  it('has broken UTF-8 as U+FFFD, more often than decoding may throw', () => {
    const fields = read('%FF=%C3%28%A9é&'.repeat(1000), URL_ENCODED)
    expect(fields).toHaveLength(1000)
    expect(new Set(fields.map(String))).toEqual(new Set(['\ufffd,\ufffd(\ufffdé']))
  })
})

describe('limits', () => {
  it('more parts than may be are refused, and so are more bytes of headers', () => {
    expect(read(part('name="a"', '').repeat(MULTIPART_LIMITS.parts) + CLOSE)).toHaveLength(
      MULTIPART_LIMITS.parts,
    )
    expect(() => read(part('name="a"', '').repeat(MULTIPART_LIMITS.parts + 1) + CLOSE)).toThrow(
      /more than 10000 parts\. Catch this error and answer with a 400/,
    )
    const long = `name="${'a'.repeat(MULTIPART_LIMITS.headers / 2)}"`
    expect(read(part(long) + CLOSE)).toHaveLength(1)
    expect(() => read(part(long) + part(long) + CLOSE)).toThrow(/the headers of part 2 .* 4194304 bytes/)
  })

  // Had one of these a cost that grows with the square of its length, it would take hours.
  it.each([
    ['a boundary of one character', 'a', 'a'],
    ['a long boundary of one character', '-'.repeat(5000), '-'],
    ['a boundary that differs in its first character', `x${'-'.repeat(5000)}`, '-'],
    ['half of the boundary again and again', '-'.repeat(5000), `${'-'.repeat(4999)}x`],
    ['line ends', 'B', '\n'],
    ['the boundary within lines', 'BBBBBBBB', '--BBBBBBBB'],
  ])('the time is linear: %s', (_, boundary, content) => {
    const text = content.repeat(5_000_000 / content.length)
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx${text}y\r\n--${boundary}--`
    const [field] = read(body, `multipart/form-data; boundary=${boundary}`)
    expect(field?.[1]).toHaveLength(text.length + 2)
  })

  it.each(['; ', ';=', '; a="', '; name="\\"', '\\', '; name="a"', 'a: b\r\n', '\r\n'])(
    'the time is linear: headers of %j again and again',
    (piece) => {
      const names = piece.repeat(1_000_000 / piece.length)
      const body = `--B\r\nContent-Disposition: form-data; name="f"${names}\r\n\r\nv\r\n${CLOSE}`
      let outcome: unknown
      try {
        outcome = read(body)
      } catch (error) {
        outcome = error
      }
      expect(Array.isArray(outcome) || outcome instanceof TypeError).toBe(true)
    },
  )
})
