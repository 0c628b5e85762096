import { request as send } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { Answer, Answers, CorpusRequest, FromAnswers } from './library.ts'

const TIMEOUT_MS = 60_000

/** Sends the requests in their order and returns the answers by name. A request that breaks is its answer. */
export async function sendAll(url: string, requests: readonly CorpusRequest[]): Promise<Answers> {
  const answers: Record<string, Answer> = {}
  for (const request of requests) {
    answers[request.name] = await sendOne(url, request, answers).catch((error: unknown) => ({
      status: 0,
      headers: {},
      body: `the request broke: ${error instanceof Error ? error.message : String(error)}`,
    }))
  }
  return answers
}

/** Sends one request. `answers` are those of the requests before it. @throws where the connection breaks. */
export async function sendOne(url: string, request: CorpusRequest, answers: Answers): Promise<Answer> {
  const { bytes, contentType } = await encode(resolve(request.body, answers))
  const headers: Record<string, string> = {
    ...(contentType === null ? {} : { 'content-type': contentType }),
    ...(bytes === undefined ? {} : { 'content-length': String(bytes.byteLength) }),
    ...resolve(request.headers, answers),
  }
  const method = request.method ?? (bytes === undefined ? 'GET' : 'POST')
  const { hostname, port } = new URL(url)
  return new Promise((fulfil, reject) => {
    const sent = send(
      // A connection of its own: what a server does to a kept one is not asked here.
      { hostname, port, method, path: resolve(request.path, answers), headers, agent: false },
      (response) => {
        buffer(response).then((body) => {
          const { 'set-cookie': cookies, ...others } = response.headers
          const all = { ...others, ...(cookies === undefined ? {} : { 'set-cookie': cookies.join('\n') }) }
          fulfil({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value)])),
            body: asText(decode(body, response.headers['content-encoding'])),
          })
        }, reject)
      },
    )
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error('no answer within a minute')))
    sent.on('error', reject)
    sent.end(bytes)
  })
}

function resolve<Value>(value: FromAnswers<Value>, answers: Answers): Value {
  return typeof value === 'function' ? (value as (answers: Answers) => Value)(answers) : value
}

async function encode(
  body: Exclude<CorpusRequest['body'], (...all: never) => unknown>,
): Promise<{ bytes: Uint8Array | undefined; contentType: string | null }> {
  if (body === undefined) return { bytes: undefined, contentType: null }
  const plain =
    typeof body === 'string' ||
    body instanceof Uint8Array ||
    body instanceof FormData ||
    body instanceof URLSearchParams
  const response = plain ? new Response(body as BodyInit) : Response.json(body)
  return { bytes: await response.bytes(), contentType: response.headers.get('content-type') }
}

function decode(body: Buffer, encoding: string | undefined): Buffer {
  if (body.length === 0) return body
  switch (encoding) {
    case 'gzip':
      return gunzipSync(body)
    case 'deflate':
      return inflateSync(body)
    case 'br':
      return brotliDecompressSync(body)
    case 'zstd':
      return zstdDecompressSync(body)
    default:
      return body
  }
}

function asText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return `base64:${bytes.toString('base64')}`
  }
}
