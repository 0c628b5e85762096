import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpResult, isHttpResult, resultHeaders } from '../../../core/compat/from-lambda/http-result.ts'
import type { ApiResponse } from './runtime-api.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { bufferedLimit } from '../runtime/http-result.ts'
import { PRELUDE_END, STREAM_TYPE } from '../runtime/loop.ts'

type Answer = Exclude<ApiResponse, { kind: 'error' }>

/** Sends what the function answered. Rejects for an answer that is none. */
export async function sendAnswer(
  answer: Answer,
  source: HttpEventKind,
  response: ServerResponse,
): Promise<void> {
  if (answer.kind === 'stream' && source === 'url') return sendStream(answer, response)
  const payload = await wholePayload(answer)
  const limit = bufferedLimit(source)
  if (Buffer.byteLength(payload) > limit)
    throw new Error(`The answer has ${Buffer.byteLength(payload)} bytes, and at most ${limit} are taken.`)
  const result: unknown = JSON.parse(payload)
  if (!isHttpResult(result)) {
    if (source !== 'url' && source !== 'v2') throw new Error('The answer has no statusCode.')
    // Payload 2.0 takes any other JSON for the body of a 200.
    response.writeHead(200, { 'content-type': 'application/json' }).end(payload)
    return
  }
  // Before the head: a body that is no text must not break the connection off.
  const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8')
  writeHead(result, source, response)
  response.end(body)
}

/**
 * The JSON of an answer. Who does not ask for a stream gets one whole, as AWS's own client may stream
 * whatever the event. Rejects where it broke off.
 */
export async function wholePayload(answer: Answer): Promise<string> {
  if (answer.kind === 'buffered') return answer.payload
  const chunks: Buffer[] = []
  for await (const chunk of answer.body as AsyncIterable<Buffer>) chunks.push(chunk)
  const error = answer.failed()
  if (error !== undefined) throw new Error(`The streamed answer broke off: ${error}`)
  return Buffer.concat(chunks).toString('utf8')
}

function writeHead(result: HttpResult, source: HttpEventKind, response: ServerResponse): void {
  for (const [name, values] of resultHeaders(result, source))
    response.setHeader(name, values.length === 1 ? (values[0] as string) : values)
  response.writeHead(result.statusCode ?? 200)
}

const HEAD_LIMIT = 1024 * 1024

/**
 * A streamed answer: the head, eight NULs, the body. Each chunk is passed on as it comes. A client that goes
 * away changes nothing for the function, which writes to its end, as on AWS.
 */
function sendStream(
  { contentType, body, failed }: Extract<ApiResponse, { kind: 'stream' }>,
  response: ServerResponse,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined = contentType === STREAM_TYPE ? Buffer.alloc(0) : undefined
    if (head === undefined) response.writeHead(200, { 'content-type': contentType })

    const fail = (error: Error): void => {
      if (response.headersSent) response.destroy()
      body.resume()
      reject(error)
    }
    body.on('data', (chunk: Buffer) => {
      let rest = chunk
      if (head !== undefined) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf(PRELUDE_END)
        if (end < 0) {
          if (head.byteLength > HEAD_LIMIT) fail(new Error('The streamed answer has no head.'))
          return
        }
        try {
          writeHead(JSON.parse(head.subarray(0, end).toString('utf8')) as HttpResult, 'url', response)
        } catch (error) {
          return fail(error as Error)
        }
        rest = head.subarray(end + PRELUDE_END.length)
        head = undefined
      }
      // Also an empty one, after the head: the client sees status and headers although the body lets itself be
      // waited for. (With flushHeaders(), node would write header values as UTF-8.)
      writeChunk(rest, body, response)
    })
    body.on('end', () => {
      if (head !== undefined) return fail(new Error('The streamed answer ended within its head.'))
      const error = failed()
      if (error !== undefined) return fail(new Error(`The streamed answer broke off: ${error}`))
      response.end()
      resolve()
    })
    body.on('error', fail)
    response.on('close', () => body.resume())
  })
}

function writeChunk(chunk: Buffer, body: IncomingMessage, response: ServerResponse): void {
  if (response.destroyed || response.write(chunk)) return
  body.pause()
  response.once('drain', () => body.resume())
}
