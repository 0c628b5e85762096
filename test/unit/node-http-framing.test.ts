/**
 * Framing of HTTP on the Node server: however the bytes of requests are cut, they are the same requests, and
 * no header of an app changes where its answer ends.
 */
import { connect } from 'node:net'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { resolveUrl } from '../../adapters/node-server/runtime/http/url.ts'
import { parse } from '../targets/framing-cases.ts'
import { closeAll, serve } from './node-http-server.ts'
import { attempt, holds, holdsAsync, textOf } from './properties/holds.ts'

afterAll(closeAll)

/** All that the server answers to bytes which arrive in these pieces, until it closes. */
function converse(port: number, pieces: readonly Buffer[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = ''
    socket.setEncoding('latin1').on('data', (text: string) => (received += text))
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error)))
    socket.on('close', () => resolve(received))
    const send = (index: number): void => {
      const piece = pieces[index]
      if (piece === undefined) socket.end()
      else socket.write(piece, () => setImmediate(send, index + 1))
    }
    socket.on('connect', () => send(0))
  })
} // prettier-ignore

/** The answers in what a client received: status and body of each. */
function answersOf(received: string): [status: number, body: string][] {
  const answers: [number, string][] = []
  for (let rest = received; rest !== '';) {
    const answer = parse(rest)
    answers.push([answer.status, answer.body])
    rest = answer.rest
  }
  return answers
}

const body = textOf(['a', '\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\n', 'é'], 6)
const hex = (length: number): string => length.toString(16)
/** A body with its framing, by length or in chunks with extensions and trailers. */
const framed = fc
  .tuple(body, fc.boolean(), fc.array(fc.nat(40), { maxLength: 3 }), fc.constantFrom('', ';a=b', ';x="y"'), fc.boolean())
  .map(([text, isChunked, places, extension, hasTrailer]) => {
    const bytes = Buffer.from(text)
    if (!isChunked) return { head: `Content-Length: ${bytes.length}\r\n`, sent: bytes.toString('latin1'), text }
    const cuts = [...new Set([0, ...places.map((place) => Math.min(place, bytes.length)), bytes.length])].toSorted((a, b) => a - b)
    const chunks = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end).toString('latin1'))
    const written = chunks.map((chunk) => `${hex(chunk.length)}${extension}\r\n${chunk}\r\n`).join('')
    return {
      head: 'Transfer-Encoding: chunked\r\n',
      sent: `${written}0\r\n${hasTrailer ? 'X-Trailer: 1\r\n' : ''}\r\n`,
      text,
    }
  }) // prettier-ignore
const requests = fc.array(fc.tuple(fc.nat(9), framed), { minLength: 1, maxLength: 3 })

describe('requests on one connection', () => {
  it('are the same requests however their bytes are cut', async () => {
    const seen: string[][] = []
    const { port } = await serve(async (request) => {
      const text = await request.text()
      seen.push([request.method, new URL(request.url).pathname, text])
      return new Response(`${text.length} ${text}`)
    })
    await holdsAsync(fc.tuple(requests, fc.array(fc.nat(400), { maxLength: 8 })), async ([all, places]) => {
      const text = all
        .map(([path, { head, sent }]) => `POST /${path} HTTP/1.1\r\nHost: a\r\n${head}\r\n${sent}`)
        .join('')
      const bytes = Buffer.from(text, 'latin1')
      const cuts = [0, ...places.map((place) => Math.min(place, bytes.length)).toSorted((a, b) => a - b), bytes.length]
      const pieces = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end)).filter((one) => one.length > 0)
      seen.length = 0
      const answers = answersOf(await converse(port, pieces))
      expect(seen).toEqual(all.map(([path, one]) => ['POST', `/${path}`, one.text]))
      expect(answers).toEqual(
        all.map(([, one]) => [200, Buffer.from(`${one.text.length} ${one.text}`).toString('latin1')]),
      )
    }, { runs: 60 }) // prettier-ignore
  })

  it('that are damaged are answered by an error and the end of the connection, or as they are', async () => {
    const { port, errors } = await serve(async (request) => new Response(await request.text()))
    const damage = fc.tuple(
      requests,
      fc.nat(400),
      fc.constantFrom('\0', '\r', '\n', ' ', 'Content-Length: 5\r\n', 'Transfer-Encoding: x\r\n', ':', '-1'),
    )
    await holdsAsync(damage, async ([all, place, text]) => {
      const whole = all.map(([path, { head, sent }]) => `POST /${path} HTTP/1.1\r\nHost: a\r\n${head}\r\n${sent}`).join('')
      const at = place % (whole.length + 1)
      const bytes = Buffer.from(whole.slice(0, at) + text + whole.slice(at), 'latin1')
      const received = await converse(port, [bytes])
      const statuses = answersOf(received).map(([status]) => status)
      // Nothing is served after a request that was refused.
      const refused = statuses.findIndex((status) => status >= 400)
      if (refused >= 0 && statuses[refused] === 400) expect(refused).toBe(statuses.length - 1)
      for (const status of statuses) expect([200, 400, 404, 405, 408, 413, 417, 431, 500, 501, 505]).toContain(status)
      expect(statuses).not.toContain(500)
      expect(errors.filter((line) => !line.includes('went away'))).toEqual([])
    }, { runs: 60 }) // prettier-ignore
  })
})

describe('an answer', () => {
  it('ends where its body ends, whatever headers the app gives it', async () => {
    interface Plan {
      headers: [string, string][]
      text: string
      form: string
      status: number
    }
    let plan: Plan | undefined
    const { port } = await serve(() => {
      const { headers, text, form, status } = plan as Plan
      const content =
        form === 'text' ? text : form === 'bytes' ? Buffer.from(text) : new Blob([text]).stream()
      const init = { status, headers }
      return form === 'set' ? setAfter(text, init) : new Response(content, init)
    })
    const setAfter = (
      text: string,
      { status, headers }: { status: number; headers: [string, string][] },
    ): Response => {
      const response = new Response(text, { status })
      for (const [name, value] of headers) response.headers.append(name, value)
      return response
    }
    const header = fc.tuple(
      fc.constantFrom('Content-Length', 'content-length', 'Transfer-Encoding', 'Connection', 'Upgrade', 'Trailer', 'TE', 'Keep-Alive', 'Proxy-Connection', 'X-A'),
      fc.constantFrom('0', '1', '5', '999', '-1', 'chunked', 'gzip, chunked', 'close', 'keep-alive, x-a', 'x', '', 'é', '1, 1', '+2', '0x5'),
    ) // prettier-ignore
    const any = fc.record({
      headers: fc.array(header, { maxLength: 4 }),
      text: body,
      form: fc.constantFrom('text', 'bytes', 'stream', 'set'),
      status: fc.constantFrom(200, 404, 426, 500),
    })
    await holdsAsync(any, async (given) => {
      plan = given
      const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
      const received = await converse(port, [Buffer.from(request), Buffer.from(request)])
      const answers: ReturnType<typeof parse>[] = []
      for (let rest = received; rest !== '';) {
        const answer = parse(rest)
        answers.push(answer)
        rest = answer.rest
      }
      const expected = Buffer.from(given.text).toString('latin1')
      // A stream that is not as long as its declared length ends the connection.
      const declared = given.headers.filter(([name]) => name.toLowerCase() === 'content-length')
      if (given.form === 'stream' && declared.length > 0) {
        if (answers.length === 2) expect(answers.map((one) => one.body)).toEqual([expected, expected])
        return
      }
      expect(answers.map(({ status, body: found }) => [status, found])).toEqual([
        [given.status, expected],
        [given.status, expected],
      ])
      for (const { names } of answers)
        expect(names.filter((name) => /^(content-length|transfer-encoding)$/.test(name)).length).toBe(1)
    }, { runs: 150 }) // prettier-ignore
  })
})

describe('the target of a request', () => {
  it('is resolved as URL resolves it, without its fragment', () => {
    const target = textOf(
      ['/', '.', '..', '%2e', '%', '?', '#', 'a', '\\', '//', ';', '@', ':', '"', '[', '|', '^'],
      8,
    )
    holds(target, (path) => {
      const ascii = `/${path}`.replaceAll(/[^\x21-\x7e]/g, '')
      const expected = attempt(() => {
        const url = new URL(`http://a.test${ascii}`)
        url.hash = ''
        return url.href
      })
      expect(resolveUrl('http://a.test', ascii)).toBe(expected)
      expect(resolveUrl('http://a.test', `http://b.test${ascii}`)).toMatch(/^http:\/\/a\.test\//)
    }, { runs: 2000 }) // prettier-ignore
  })
})
