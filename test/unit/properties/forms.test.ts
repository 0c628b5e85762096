/** Forms: one parser and one encoder for node, lambda and the isolate. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { installForms, toFormData, withoutForm } from '../../../adapters/node-server/runtime/http/forms.ts'
import { connect } from '../../../adapters/isolate/guest/web/bridge/bridge.ts'
import { File as GuestFile } from '../../../adapters/isolate/guest/web/data/blob.ts'
import { formBytes, formOf } from '../../../adapters/isolate/guest/web/fetch/form-body.ts'
import { FormData as GuestFormData } from '../../../adapters/isolate/guest/web/fetch/form-data.ts'
import { delimiterSearch } from '../../../core/runtime/forms/delimiter-search.ts'
import { createSyncCalls } from '../../../adapters/isolate/services/sync-calls.ts'
import { attempt, damaged, holds, holdsAsync, textOf } from './holds.ts'

connect({ post() {}, say() {}, call: createSyncCalls() })

type Field = [name: string, value: string] | [name: string, filename: string, type: string, bytes: string]
interface AnyFile {
  readonly name: string
  readonly type: string
  arrayBuffer(): Promise<ArrayBuffer>
}

/** The fields of a form of Node or of the isolate; the bytes of files as Latin-1. */
function fieldsOf(form: Iterable<[string, string | AnyFile]>): Promise<Field[]> {
  return Promise.all(
    [...form].map(async ([name, value]): Promise<Field> =>
      typeof value === 'string'
        ? [name, value]
        : [name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString('latin1')],
    ),
  )
}

const text = textOf(
  ['"', '\\', '%', ';', '=', '--', '-', '\r', '\n', '\r\n', ' ', 'é', '😀', '\ufeff', 'a'],
  10,
)
// HTML leaves `%22`, `%0A` and `%0D` in a name as they are, so no reader can tell them from escapes, nor two
// backslashes from the escape of curl. A NUL in a part's header is refused on every target (handlers-175).
const name = text
  .map((one) => one.replaceAll(/[%\0]/g, '').replaceAll(/\\+/g, '\\'))
  .filter((one) => !one.endsWith('\\'))
const lines = (one: string): string => one.replaceAll(/\r\n|\r|\n/g, '\r\n')
const field = fc.oneof(
  fc.tuple(name, text),
  fc.tuple(name, name, fc.constantFrom('', 'text/plain', 'a/b'), fc.uint8Array({ maxLength: 40 })),
)
const fields = fc.array(field, { maxLength: 5 })

describe('a form that unmoor wrote', () => {
  it('is read as it was on node, and in the isolate', async () => {
    await holdsAsync(fields, async (given) => {
      const node = new FormData()
      const guest = new GuestFormData()
      const expected: Field[] = []
      for (const one of given) {
        if (one.length === 2) {
          node.append(...one)
          guest.append(...one)
          expected.push([lines(one[0]), lines(one[1])])
        } else {
          const [key, filename, type, bytes] = one
          node.append(key, new File([new Uint8Array(bytes)], filename, { type }))
          guest.append(key, new GuestFile([new Uint8Array(bytes)], filename, { type }))
          const sent = type === '' ? 'application/octet-stream' : type
          expected.push([lines(key), filename, sent, Buffer.from(bytes).toString('latin1')])
        }
      }
      const blob = withoutForm(node) as Blob
      const ofNode = Buffer.from(await blob.arrayBuffer())
      const ofGuest = formBytes(guest, /boundary=(.*)/.exec(blob.type)?.[1] ?? '')
      expect(Buffer.from(ofGuest)).toEqual(ofNode)
      expect(await fieldsOf(toFormData(blob.type, ofNode))).toEqual(expected)
      expect(await fieldsOf(formOf(blob.type, ofGuest))).toEqual(expected)
    })
  })
})

describe('what a client sends', () => {
  const part = fc.tuple(
    fc.constantFrom(
      'name="a"',
      'name=a',
      'name="a"; filename="b"',
      "name=a; filename*=UTF-8''%C3%A9",
      'x',
      '',
    ),
    fc.constantFrom('', 'Content-Type: a/b\r\n', 'X: y\n', ': z\r\n'),
    textOf(['--B', '\r\n', '\n', '-', 'a', '\u0000'], 8),
    fc.constantFrom('\r\n', '\n', ''),
  )
  const multipart = fc
    .tuple(fc.array(part, { maxLength: 4 }), fc.constantFrom('--B--\r\n', '--B--', '--B', ''))
    .map(([parts, end]) => {
      const written = parts.map(
        ([names, head, content, line]) =>
          `--B\r\nContent-Disposition: form-data; ${names}\r\n${head}\r\n${content}${line}`,
      )
      return written.join('') + end
    })
  const urlEncoded = textOf(['&', '=', '+', '%', '%4', '%41', '%c3%a9', '%ff', 'a', 'é', '\ufeff'], 12)
  const body = fc.oneof(
    fc.tuple(fc.constant('multipart/form-data; boundary=B'), damaged(multipart)),
    fc.tuple(fc.constant('application/x-www-form-urlencoded'), damaged(urlEncoded)),
    fc.tuple(
      textOf(['multipart/form-data', ';', ' ', 'boundary=', 'B', '"', '\\', '='], 8),
      damaged(multipart),
    ),
  )

  it('is the same form on node and in the isolate, or a TypeError on both', async () => {
    await holdsAsync(body, async ([type, bytes]) => {
      const node = attempt(() => toFormData(type, Buffer.from(bytes)))
      const guest = attempt(() => formOf(type, bytes))
      if (node instanceof Error || guest instanceof Error) {
        expect(node).toBeInstanceOf(TypeError)
        expect(guest).toBeInstanceOf(TypeError)
        expect((guest as Error).message).toBe((node as Error).message)
      } else expect(await fieldsOf(guest)).toEqual(await fieldsOf(node))
    }, { runs: 600 }) // prettier-ignore
  })

  it('is the same form if it is text in the isolate', async () => {
    await holdsAsync(urlEncoded, async (given) => {
      const type = 'application/x-www-form-urlencoded'
      const node = await fieldsOf(toFormData(type, Buffer.from(given)))
      expect(await fieldsOf(formOf(type, given))).toEqual(node)
      const ascii = given.replaceAll(/[\u0080-\uffff]+/g, encodeURIComponent)
      expect(node).toEqual([...new URLSearchParams(`&${ascii}`)])
    })
  })

  it('has its parts wherever a plain search finds lines that begin with the boundary', () => {
    const needle = textOf(['-', 'a', '\n'], 6).filter((one) => one !== '')
    holds(fc.tuple(needle, textOf(['-', 'a', '\n', '--'], 60)), (texts) => {
      const [boundary, content] = texts.map((one) => Buffer.from(one).toString('latin1')) as [string, string]
      const find = delimiterSearch(Buffer.from(content, 'latin1'), Buffer.from(boundary, 'latin1'))
      for (let from = 0; from <= content.length; from++) {
        let expected = content.indexOf(boundary, from)
        while (expected > 0 && content[expected - 1] !== '\n')
          expected = content.indexOf(boundary, expected + 1)
        expect(find(from)).toBe(expected)
      }
    })
  })

  it('is a form of Request, or a TypeError', async () => {
    class OwnRequest extends Request {}
    installForms(OwnRequest)
    await holdsAsync(body, async ([type, bytes]) => {
      const headers = attempt(() => new Headers({ 'content-type': type }))
      if (headers instanceof Error) return
      const request = new OwnRequest('http://a/', { method: 'POST', headers, body: bytes })
      const read = await request.formData().catch((error: unknown) => error)
      expect(read instanceof FormData || read instanceof TypeError).toBe(true)
    })
  })
})
