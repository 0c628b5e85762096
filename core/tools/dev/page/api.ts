/** Client of the page's own server. */

/** Session storage keeps the token over a reload of the page, and leaves the address bar without it. */
const STORED = 'unmoor-dev-token'

/** An error that the server answered, or the lack of an answer. */
export class PageError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Takes the token from the address bar, and hides it there. */
export function takeToken(): void {
  const given = location.hash.slice(1)
  if (given === '' || given.startsWith('/')) return
  sessionStorage.setItem(STORED, given)
  history.replaceState(null, '', `${location.pathname}#/data`)
}

/** Asks the server for an operation. @throws PageError */
export async function ask<T>(op: string, given: Readonly<Record<string, unknown>> = {}): Promise<T> {
  const response = await send('/__unmoor/api', { method: 'POST', body: JSON.stringify({ op, ...given }) })
  return ((await response.json()) as { value: T }).value
}

/** Resolves to the content of a blob. @throws PageError */
export async function readBlob(binding: string, key: string): Promise<Blob> {
  return (await send(blobPath(binding, key))).blob()
}

/** Stores a file as a blob. @throws PageError */
export async function writeBlob(binding: string, key: string, file: File): Promise<void> {
  await send(blobPath(binding, key), { method: 'PUT', body: file })
}

function blobPath(binding: string, key: string): string {
  return `/__unmoor/blob?${new URLSearchParams({ binding, key }).toString()}`
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const token = sessionStorage.getItem(STORED)
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(path, { ...init, headers }).catch(() => {
    throw new PageError(
      'Unavailable',
      'unmoor dev does not answer. Start it again, and open the URL that it prints.',
    )
  })
  if (response.ok) return response
  const text = await response.text()
  let error: { code: string; message: string } | undefined
  try {
    ;({ error } = JSON.parse(text) as { error?: { code: string; message: string } })
  } catch {
    // A refusal that is no JSON is shown as it is.
  }
  throw new PageError(error?.code ?? 'Internal', error?.message ?? text)
}
