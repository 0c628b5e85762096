import constants from 'node:constants'
import { getRandomValues } from 'node:crypto'
import * as os from 'node:os'
import { CryptoCalls, cryptoError } from './crypto/calls.ts'
import { zlibNow } from './zlib/now.ts'

/** Most decoders of streamed text that one isolate may hold open. */
const MAX_DECODERS = 1000
/**
 * Most characters of text, and most bytes, in one synchronous call of an isolate, for which all tenants wait.
 * The guest sends longer text in pieces; a longer URL is invalid (as in Chromium).
 */
const MAX_SIZE = 2 * 1024 * 1024

/** Answers one synchronous call of the code in an isolate. */
export type SyncCall = (operation: unknown, ...data: unknown[]) => unknown

/**
 * Creates the function that answers the guest's synchronous calls. Arguments are data that a tenant may have
 * made up, so each is checked. Nothing is thrown but for malformed calls, because an exception would carry
 * this process's stack into the isolate.
 */
export function createSyncCalls(): SyncCall {
  let cryptography: CryptoCalls | undefined
  const decoders = new Map<number, TextDecoder>()
  let nextDecoder = 1

  return (operation, ...data) => {
    if (typeof operation === 'string' && operation.startsWith('crypto.')) {
      if (data.some(isTooLarge))
        return cryptoError(new RangeError(`A call of node:crypto takes ${MAX_SIZE} bytes at most.`))
      return (cryptography ??= new CryptoCalls()).call(operation.slice('crypto.'.length), data)
    }
    if (typeof operation === 'string' && operation.startsWith('zlib.'))
      return zlibNow(operation.slice('zlib.'.length), data)
    const [a, b, c, d] = data
    if (isTooLarge(a) || isTooLarge(b) || isTooLarge(c) || isTooLarge(d))
      return operation === 'decode' || operation === 'decoderPush' ? null : ''
    switch (operation) {
      case 'url':
        return typeof a === 'string' && (b === undefined || typeof b === 'string') ? parseUrl(a, b) : ''
      case 'urlSet':
        return typeof a === 'string' && typeof b === 'string' && typeof c === 'string' ? setUrl(a, b, c) : ''
      case 'utf8':
        return new TextEncoder().encode(String(a))
      case 'decode':
        return decode(createDecoder(a, b, c), d, false)
      case 'encoding': {
        const decoder = createDecoder(a, false, false)
        return decoder === undefined ? '' : decoder.encoding
      }
      case 'decoderOpen': {
        const decoder = createDecoder(a, b, c)
        if (decoder === undefined || decoders.size >= MAX_DECODERS) return 0
        decoders.set(nextDecoder, decoder)
        return nextDecoder++
      }
      case 'decoderPush': {
        const decoder = typeof a === 'number' ? decoders.get(a) : undefined
        const text = decode(decoder, b, c === true)
        if (text === null || c !== true) decoders.delete(a as number)
        return text
      }
      case 'constants':
        return { os: os.constants, all: { ...constants } }
      case 'decoderClose':
        decoders.delete(a as number)
        return undefined
      case 'random':
        return typeof a === 'number' && a >= 0 && a <= 65_536
          ? getRandomValues(new Uint8Array(Math.trunc(a)))
          : new Uint8Array(0)
    }
    return undefined
  }
}

function isTooLarge(value: unknown): boolean {
  return typeof value === 'string'
    ? value.length > MAX_SIZE
    : value instanceof Uint8Array && value.buffer.byteLength > MAX_SIZE
}

function createDecoder(label: unknown, fatal: unknown, ignoreBOM: unknown): TextDecoder | undefined {
  try {
    return new TextDecoder(String(label), { fatal: fatal === true, ignoreBOM: ignoreBOM === true })
  } catch {
    return undefined
  }
}

function decode(decoder: TextDecoder | undefined, bytes: unknown, stream: boolean): string | null {
  if (decoder === undefined || !(bytes instanceof Uint8Array)) return null
  try {
    return decoder.decode(bytes, { stream })
  } catch {
    return null
  }
}

function parseUrl(text: string, base: string | undefined): string {
  const url = URL.parse(text, base)
  return url === null ? '' : urlLines(url)
}

const SETTERS = [
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
] as const
type Setter = (typeof SETTERS)[number]

function setUrl(href: string, property: string, value: string): string {
  const url = URL.parse(href)
  if (url === null) return ''
  if (SETTERS.includes(property as Setter)) url[property as Setter] = value
  return urlLines(url)
}

// Returns the components of a URL, a line each, in the order of `guest/web/data/url.ts`. No component
// contains a line feed.
function urlLines(url: URL): string {
  const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = url
  return (
    `${href}\n${origin}\n${protocol}\n${username}\n${password}\n${host}\n${hostname}\n${port}\n` +
    `${pathname}\n${search}\n${hash}`
  )
}
