import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ApiResponse } from './runtime-api.ts'
import type { ResultHead } from './runtime/http-result.ts'
import { PRELUDE_END, STREAM_TYPE } from './runtime/loop.ts'

/** What a payload 2.0 function may leave out. */
type LooseResult = Partial<ResultHead> & { readonly body?: string; readonly isBase64Encoded?: boolean }

/** Sends what the function answered. Rejects for an answer that is none. */
export async function sendAnswer(answer: Exclude<ApiResponse, { kind: 'error' }>, response: ServerResponse): Promise<void> {
  if (answer.kind === 'stream') return sendStream(answer, response)
  const result = JSON.parse(answer.payload) as LooseResult | null
  if (typeof result !== 'object' || result === null || typeof result.statusCode !== 'number') {
    // Payload 2.0 takes any other JSON for the body of a 200.
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer.payload)
    return
  }
  writeHead(result, response)
  response.end(Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8'))
}

function writeHead(head: LooseResult, response: ServerResponse): void {
  for (const [name, value] of Object.entries(head.headers ?? {})) response.setHeader(name, String(value))
  if (head.cookies !== undefined && head.cookies.length > 0) response.setHeader('set-cookie', head.cookies)
  response.writeHead(head.statusCode ?? 200)
}

const HEAD_LIMIT = 1024 * 1024

/**
 * A streamed answer: the head, eight NULs, the body. Each chunk is passed on as it comes. A client that goes away changes nothing for the function, which writes to its end, as on AWS.
 */
function sendStream({ contentType, body, failed }: Extract<ApiResponse, { kind: 'stream' }>, response: ServerResponse): Promise<void> {
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
          writeHead(JSON.parse(head.subarray(0, end).toString('utf8')) as LooseResult, response)
        } catch (error) {
          return fail(error as Error)
        }
        rest = head.subarray(end + PRELUDE_END.length)
        // So that the client sees status and headers although the body lets itself be waited for.
        if (rest.byteLength === 0) response.flushHeaders()
        head = undefined
      }
      if (rest.byteLength > 0) writeChunk(rest, body, response)
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
