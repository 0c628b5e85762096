import process from 'node:process'
import { dirname, resolve } from 'node:path'
import type { AssetsDeclaration } from '../../../core/bindings/declarations.ts'
import type { AssetsDriver, DriverFactory } from '../../../core/bindings/drivers.ts'
import { fileError, truncated } from '../fs/errors.ts'
import { streamFile } from '../fs/stream.ts'
import { type AssetFile, AssetOpener, type OpenAsset, readFolder } from './folder.ts'
import { isNotModified, parseRange } from './http.ts'
import { route } from './routes.ts'
import type { FilesOptions } from './options.ts'

/** Maximum bytes of a static asset that is read at once; larger files are streamed. */
const READ_WHOLE = 256 * 1024

/** Assets driver that serves the files that the folder has when the process starts. */
export const assets: DriverFactory<'assets', FilesOptions> = async (options, context) => {
  const directory = resolve(dirname(process.argv[1] ?? '.'), options.directory)
  const notFound = options.notFound ?? (context.declaration as AssetsDeclaration).notFound
  return new FolderAssets(await readFolder(directory), notFound === 'single-page-application')
}

class FolderAssets implements AssetsDriver {
  #files: ReadonlyMap<string, AssetFile>
  #singlePage: boolean
  #opener = new AssetOpener()

  constructor(files: ReadonlyMap<string, AssetFile>, singlePage: boolean) {
    this.#files = files
    this.#singlePage = singlePage
  }

  async serve(
    request: Request,
    { fallback = 'navigation' }: { fallback?: 'navigation' | 'always' } = {},
  ): Promise<Response | undefined> {
    const { pathname, search } = new URL(request.url)
    const found = route(pathname, (path) => this.#files.has(path))
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      // A path that has a static file allows only GET and HEAD, as on Cloudflare.
      return found === undefined
        ? undefined
        : new Response('Method Not Allowed', { status: 405, headers: { allow: 'GET, HEAD' } })
    }
    if (found === undefined) {
      if (
        !this.#singlePage ||
        (fallback === 'navigation' && request.headers.get('sec-fetch-mode') !== 'navigate')
      )
        return undefined
      return this.#answer(request, '/index.html')
    }
    if ('redirect' in found)
      return new Response(null, { status: 307, headers: { location: found.redirect + search } })
    return this.#answer(request, found.file)
  }

  async #answer(request: Request, name: string): Promise<Response | undefined> {
    const file = this.#files.get(name)
    if (file === undefined) return undefined
    const asset = await this.#opener.open(file.path)
    return asset === undefined ? undefined : respond(request, file, asset)
  }
}

async function respond(
  request: Request,
  { path, contentType }: AssetFile,
  { handle, size, etag }: OpenAsset,
): Promise<Response> {
  const headers = new Headers({ etag, 'cache-control': 'public, max-age=0, must-revalidate' })
  let streaming = false
  try {
    if (isNotModified(request, etag)) return new Response(null, { status: 304, headers })
    const range = parseRange(request, etag, size)
    headers.set('content-type', contentType)
    headers.set('accept-ranges', 'bytes')
    if (range === 'unsatisfiable') {
      headers.set('content-range', `bytes */${size}`)
      headers.delete('content-type')
      return new Response(null, { status: 416, headers })
    }
    const { offset, length } = range ?? { offset: 0, length: size }
    if (range !== undefined) headers.set('content-range', `bytes ${offset}-${offset + length - 1}/${size}`)
    headers.set('content-length', String(length))
    const init = { status: range === undefined ? 200 : 206, headers }
    if (request.method === 'HEAD') return new Response(null, init)
    if (length > READ_WHOLE) {
      streaming = true
      return new Response(streamFile(handle, path, { offset, length }, request.signal), init)
    }
    const bytes = new Uint8Array(length)
    const { bytesRead } = length === 0 ? { bytesRead: 0 } : await handle.read(bytes, 0, length, offset)
    if (bytesRead < length) throw truncated(path)
    return new Response(bytes, init)
  } catch (error) {
    throw fileError(error, path)
  } finally {
    if (!streaming) await handle.close()
  }
}
