/**
 * The server of the page of `unmoor dev`, on a loopback port of its own: the page's files for anybody on this
 * machine, and everything else for whoever has the token.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isUnmoorError, UnmoorError } from '../../errors.ts'
import { DATA_PATH } from '../../runtime/data-route.ts'
import { packageRoot } from '../build/packages.ts'
import type { Arguments } from './arguments.ts'
import type { Operation } from './data.ts'
import { refuseSender, refuseToken } from './guard.ts'
import type { RunningApp } from './running.ts'

/** Path of the page. */
export const PAGE_PATH = '/__unmoor'
/** Bytes of a request to the API. A kv value has at most 25 MB, a third more as base64. */
const LARGEST = 36 * 1024 * 1024

/** Folders of the page's files: those that are served as they are, and the compiled modules. */
const FOLDERS: readonly string[] = ['core/tools/dev/assets', 'dist/core/tools/dev/page']

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The page runs its own scripts only, and reaches nothing but its own server. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

/** What the page's server needs. */
export interface PageParts {
  readonly running: RunningApp
  readonly operations: Readonly<Record<string, Operation>>
}

/** Serves the page of one `unmoor dev`. */
export class PageServer {
  readonly #token = randomBytes(24).toString('base64url')
  readonly #parts: PageParts
  readonly #server: Server

  private constructor(parts: PageParts) {
    this.#parts = parts
    this.#server = createServer((incoming, outgoing) => {
      this.#answer(incoming, outgoing).catch((error: unknown) => fail(outgoing, error))
    })
  }

  /**
   * Listens on `port` of loopback; 0 takes a free one.
   *
   * @throws `Unavailable` if the port cannot be had.
   */
  static async listen(port: number, parts: PageParts): Promise<PageServer> {
    const page = new PageServer(parts)
    try {
      page.#server.listen(port, '127.0.0.1')
      await once(page.#server, 'listening')
    } catch (cause) {
      throw new UnmoorError(
        'Unavailable',
        `The page of unmoor dev cannot listen on port ${port}: ${(cause as Error).message}. Take another ` +
          'with --page, or --no-page for none.',
        { cause },
      )
    }
    return page
  }

  /** URL of the page, with its token. A browser sends no fragment, so no log of a server has the token. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${PAGE_PATH}#${this.#token}`
  }

  async close(): Promise<void> {
    const closed = once(this.#server.close(), 'close')
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', headers } = incoming
    const refused = refuseSender({ method, headers })
    if (refused !== undefined) return say(outgoing, refused.status, refused.message)
    const url = new URL(incoming.url ?? '/', 'http://page')
    if (method === 'GET' || method === 'HEAD') {
      if (url.pathname === '/' || url.pathname === `${PAGE_PATH}/`) {
        outgoing.writeHead(302, { ...HEADERS, location: PAGE_PATH }).end()
        return
      }
      const file = await pageFile(url.pathname)
      if (file !== undefined) return send(outgoing, 200, file.type, method === 'HEAD' ? '' : file.bytes)
    }
    const isApi = url.pathname === `${PAGE_PATH}/api`
    const isBlob = url.pathname === `${PAGE_PATH}/blob`
    if (!isApi && !isBlob)
      return say(outgoing, 404, `There is nothing at ${url.pathname}. The page is at ${PAGE_PATH}.`)
    const missing = await refuseToken({ method, headers }, this.#token)
    if (missing !== undefined)
      return json(outgoing, missing.status, problem('PermissionDenied', missing.message))
    if (isBlob) return this.#blob(url, incoming, outgoing)
    if (method !== 'POST') return say(outgoing, 405, 'The API of the page takes POST with JSON.')
    try {
      json(outgoing, 200, { value: (await this.#call(incoming)) ?? null })
    } catch (error) {
      const isOwn = isUnmoorError(error)
      json(outgoing, 422, problem(isOwn ? error.code : 'Internal', isOwn ? error.message : String(error)))
    }
  }

  async #call(incoming: IncomingMessage): Promise<unknown> {
    let given: unknown
    try {
      given = JSON.parse(await bodyOf(incoming))
    } catch (cause) {
      if (isUnmoorError(cause)) throw cause
      throw new UnmoorError('InvalidArgument', 'The API of the page takes JSON.', { cause })
    }
    const { op } = Object(given) as { op?: unknown }
    const { operations } = this.#parts
    if (typeof op !== 'string' || !Object.hasOwn(operations, op))
      throw new UnmoorError('InvalidArgument', `The page's API has no operation ${JSON.stringify(op)}.`)
    return (operations[op] as Operation)(given as Arguments)
  }

  /** Passes a blob on between the browser and the data route, as a stream. */
  async #blob(url: URL, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', headers } = incoming
    if (method !== 'GET' && method !== 'PUT')
      return say(outgoing, 405, 'A blob of the page takes GET and PUT.')
    try {
      const { route } = await this.#parts.running.ready()
      const path = `${DATA_PATH}/blob${url.search}`
      if (method === 'GET') {
        const response = await route.fetch(path, {})
        if (response.status === 404)
          throw new UnmoorError('NotFound', 'There is no such blob any more. List the blobs again.')
        outgoing.writeHead(200, { ...HEADERS, 'content-type': 'application/octet-stream' })
        const { body } = response
        await (body === null ? outgoing.end() : pipeline(Readable.fromWeb(body as never), outgoing))
        return
      }
      const type = headers['content-type']
      const header = { httpMetadata: type === undefined ? {} : { contentType: type }, customMetadata: {} }
      await route.fetch(path, {
        method: 'PUT',
        headers: { 'x-unmoor-blob': encodeURIComponent(JSON.stringify(header)) },
        body: Readable.toWeb(incoming) as ReadableStream,
        duplex: 'half',
      } as RequestInit)
      json(outgoing, 200, { value: null })
    } catch (error) {
      if (outgoing.headersSent) return void outgoing.destroy()
      const code = isUnmoorError(error) ? error.code : 'Internal'
      json(outgoing, 422, problem(code, error instanceof Error ? error.message : String(error)))
    }
  }
}

interface PageFile {
  type: string
  bytes: Buffer
}

let files: Promise<Map<string, string>> | undefined

/** Returns the page's file at a path: a name in one of two folders, never a path made of the request's. */
async function pageFile(pathname: string): Promise<PageFile | undefined> {
  const prefix = `${PAGE_PATH}/`
  const name =
    pathname === PAGE_PATH ? 'index.html' : pathname.startsWith(prefix) ? pathname.slice(prefix.length) : ''
  files ??= listFiles()
  const path = (await files).get(name)
  return path === undefined
    ? undefined
    : { type: TYPES[extname(name)] as string, bytes: await readFile(path) }
}

async function listFiles(): Promise<Map<string, string>> {
  const all = new Map<string, string>()
  for (const folder of FOLDERS)
    for (const name of await readdir(join(packageRoot, folder)))
      if (Object.hasOwn(TYPES, extname(name))) all.set(name, join(packageRoot, folder, name))
  return all
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size > LARGEST)
      throw new UnmoorError('LimitExceeded', `The API of the page takes at most ${LARGEST} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function problem(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } }
}

function json(outgoing: ServerResponse, status: number, value: unknown): void {
  send(outgoing, status, 'application/json', JSON.stringify(value))
}

function say(outgoing: ServerResponse, status: number, message: string): void {
  send(outgoing, status, 'text/plain; charset=utf-8', `${message}\n`)
}

function send(outgoing: ServerResponse, status: number, type: string, body: string | Buffer): void {
  outgoing
    .writeHead(status, { ...HEADERS, 'content-type': type, 'content-length': Buffer.byteLength(body) })
    .end(body)
}

function fail(outgoing: ServerResponse, error: unknown): void {
  if (outgoing.headersSent) return void outgoing.destroy()
  say(outgoing, 500, error instanceof Error ? error.message : String(error))
}
