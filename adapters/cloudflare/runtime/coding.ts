/**
 * Makes `content-encoding` of bodies behave as on the other targets. workerd instead keeps the header on
 * bodies that it has decoded, and encodes outgoing bodies that have the header.
 */

/** Options of workerd's Response constructor; `encodeBody` is missing from the standard type. */
type LabelledInit = ResponseInit & { encodeBody?: 'manual' }

/**
 * True if a body's content-encoding is one that workerd decodes and encodes by itself: gzip or br. Bodies
 * with other encodings pass through unchanged.
 */
function isCoded(headers: Headers): boolean {
  const coding = headers.get('content-encoding')
  return coding === 'gzip' || coding === 'br'
}

/**
 * Removes content-encoding and content-length from a fetched response whose body workerd decodes as it is
 * read. Other responses are returned as they are. A response to HEAD keeps both headers, as they describe
 * GET.
 */
export function withoutCoding(response: Response, isHead = false): Response {
  const { headers, status, statusText, body } = response
  if (!isCoded(headers)) return response
  const kept = new Headers(headers)
  let content = body
  if (isHead) content = null
  else {
    // An empty response body is not valid gzip, so it is dropped instead of decoded.
    if (headers.get('content-length') === '0') content = null
    kept.delete('content-encoding')
    kept.delete('content-length')
  }
  return likeFetched(new Response(content, { status, statusText, headers: kept }), response)
}

/**
 * Gives a response, and its clones, the fields of a fetched response that the constructor cannot set: url,
 * redirected, immutable headers.
 */
function likeFetched(response: Response, { url, redirected }: Response): Response {
  const clone = response.clone.bind(response)
  return Object.defineProperties(response, {
    url: { value: url },
    redirected: { value: redirected },
    clone: { value: () => likeFetched(clone(), response) },
    headers: { value: immutable(response.headers) },
  })
}

function refuse(): never {
  throw new TypeError('Immutable. Copy: new Headers(x.headers)')
}

function immutable(headers: Headers): Headers {
  return Object.defineProperties(headers, {
    append: { value: refuse },
    set: { value: refuse },
    delete: { value: refuse },
  })
}

/**
 * Returns a response that workerd sends without encoding it, because the app has already encoded the body.
 */
export function asLabelled(response: Response): Response {
  const { headers, status, statusText, body, url } = response
  // A response with a URL was fetched through a binding's `native`; workerd encodes it correctly without a
  // change.
  if (!isCoded(headers) || body === null || url !== '') return response
  return new Response(body, { status, statusText, headers, encodeBody: 'manual' } as LabelledInit)
}
