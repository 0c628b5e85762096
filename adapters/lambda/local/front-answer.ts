import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpResult, isHttpResult, resultHeaders } from '../../../core/compat/from-lambda/http-result.ts'
import type { ApiResponse } from './runtime-api.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { bufferedLimit } from '../runtime/http-result.ts'
import { PRELUDE_END, STREAM_TYPE } from '../runtime/loop.ts'

type Answer = Exclude<ApiResponse, { kind: 'error' }>

/**
 * Sends the Lambda function's answer to the HTTP client. Rejects if the answer is not a valid HTTP answer.
 */
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
    // With payload 2.0, any other JSON that a Lambda function returns is the body of a 200.
    response.writeHead(200, { 'content-type': 'application/json' }).end(payload)
    return
  }
  // The body of the function's answer is decoded before the head is sent, so that an invalid body does not
  // break the connection.
  const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8')
  writeHead(result, source, response)
  response.end(body)
}

/**
 * Returns the JSON of a Lambda function's answer. A streamed answer is read whole, because AWS's own client
 * may stream for any event. Rejects if the stream broke off.
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
 * Sends a streamed answer of a Lambda function: the head, eight NULs, the body. Each chunk is passed on when
 * it arrives. If the client goes away, the function still writes to the end, as on AWS.
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
      // An empty chunk of a streamed answer is written too, so that the client receives status and headers
      // even if the body takes long. (With flushHeaders(), node would write header values as UTF-8.)
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
