/**
 * Bodies and their content-encoding, the same as on the other targets. workerd's own rule is another: it
 * leaves the label of what it decodes, and encodes again what goes out under a label.
 */

/** A native Response as far as the rule goes; `encodeBody` is in no other type. */
type LabelledInit = ResponseInit & { encodeBody?: 'manual' }

/** What workerd decodes and encodes: exactly these values; all others pass through it with their bytes. */
function isCoded(headers: Headers): boolean {
  const coding = headers.get('content-encoding')
  return coding === 'gzip' || coding === 'br'
}

/**
 * A native answer whose body workerd decodes as it is read, without the two headers that no longer hold;
 * any other as it is. The headers of a HEAD's answer stay: they tell of GET.
 */
export function withoutCoding(response: Response, isHead = false): Response {
  const { headers, status, statusText, body } = response
  if (!isCoded(headers)) return response
  const kept = new Headers(headers)
  let content = body
  if (isHead) content = null
  else {
    // Nothing would not be a gzip file.
    if (headers.get('content-length') === '0') content = null
    kept.delete('content-encoding')
    kept.delete('content-length')
  }
  return likeFetched(new Response(content, { status, statusText, headers: kept }), response)
}

/** What a constructor cannot set, also on clones. */
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

/** An answer whose bytes the app has labelled itself, so that they go out as they are. */
export function asLabelled(response: Response): Response {
  const { headers, status, statusText, body, url } = response
  // One with a URL comes from a binding's `native`: workerd's own rule is right for it.
  if (!isCoded(headers) || body === null || url !== '') return response
  return new Response(body, { status, statusText, headers, encodeBody: 'manual' } as LabelledInit)
}
