/** The floor: node:http by hand, doing the work of apps/http. */
import { createServer, type RequestListener } from 'node:http'
import { CHUNKS, RECORD, type Work } from '../apps/http/src/handlers.ts'
import { listening } from './listening.ts'

const WORK: Readonly<Record<Work, RequestListener>> = {
  hello: (_request, response) => {
    const body = 'Hello, world!'
    response.writeHead(200, {
      'content-type': 'text/plain;charset=UTF-8',
      'content-length': Buffer.byteLength(body),
    })
    response.end(body)
  },
  json: (_request, response) => {
    const body = JSON.stringify(RECORD)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  },
  echo1k: (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      response.writeHead(200, {
        'content-type': 'text/plain;charset=UTF-8',
        'content-length': Buffer.byteLength(body),
      })
      response.end(body)
    })
  },
  stream: (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    for (const chunk of CHUNKS) response.write(chunk)
    response.end()
  },
}

const server = createServer(WORK[process.argv[2] as Work])
server.listen(0, '127.0.0.1', () => listening(server))
