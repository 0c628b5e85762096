import { atob } from '../data/base64.ts'
import { blobBytes } from '../data/blob.ts'
import { decodeUtf8 } from '../data/encoding.ts'
import { blobOfRequest, type Request } from './request.ts'
import { receivedResponse, type Response } from './response.ts'
import { percentDecode } from '../../../../../core/runtime/forms/url-encoded.ts'
import type { Bytes } from '../streams.ts'

/**
 * Answers a request whose URL holds the data (`data:`) or names a blob of this isolate (`blob:`). Returns
 * undefined for every other URL.
 */
export function fetchHere(request: Request): Response | undefined {
  const { url } = request
  if (!url.startsWith('blob:') && !url.startsWith('data:')) return undefined
  request.signal.throwIfAborted()
  return url.startsWith('blob:') ? fetchBlob(request) : fetchData(request)
}

function fetchBlob(request: Request): Response {
  const blob = blobOfRequest(request)
  if (blob === undefined || request.method !== 'GET')
    throw new TypeError(`fetch failed: there is no blob at ${request.url} to ${request.method}`)
  return respond(request, blobBytes(blob).slice(), [
    'content-length',
    String(blob.size),
    'content-type',
    blob.type,
  ])
}

const BASE64 = /; *base64$/i
const TYPE = /^[!#$%&'*+\-.^_`|~\w]+\/[!#$%&'*+\-.^_`|~\w]+\s*(?:;|$)/

// Runs the data: URL processor of the Fetch standard.
function fetchData(request: Request): Response {
  const text = request.url.slice('data:'.length).replace(/#.*$/s, '')
  const comma = text.indexOf(',')
  if (comma < 0) throw new TypeError('fetch failed: a data: URL has a comma before its data')
  const head = text.slice(0, comma).trim()
  const bytes = percentDecode(text.slice(comma + 1))
  const given = head.replace(BASE64, '')
  const type = given.startsWith(';') ? `text/plain${given}` : given
  return respond(request, BASE64.test(head) ? fromBase64(bytes) : bytes, [
    'content-type',
    TYPE.test(type) ? type : 'text/plain;charset=US-ASCII',
  ])
}

function fromBase64(bytes: Bytes): Bytes {
  try {
    return Uint8Array.from(atob(decodeUtf8(bytes)), (char) => char.charCodeAt(0))
  } catch {
    throw new TypeError('fetch failed: the data: URL is no base64')
  }
}

function respond(request: Request, bytes: Bytes, headers: readonly string[]): Response {
  return receivedResponse(
    [200, 'OK', headers, null, request.url, false],
    request.method === 'HEAD' ? null : bytes,
  )
}
