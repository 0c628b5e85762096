import { Blob } from './blob.ts'
import { addBlobUrl, removeBlobUrl } from './blob-url.ts'
import { callSync } from '../bridge/bridge.ts'
import { toUSVString } from '../convert.ts'
import { linkParams, resetParams, URLSearchParams } from './search-params.ts'

/** A parsed URL: href, origin, protocol, username, password, host, hostname, port, pathname, search, hash. */
type Record = readonly string[]
const [HREF, ORIGIN, PROTOCOL, USERNAME, PASSWORD, HOST, HOSTNAME, PORT, PATHNAME, SEARCH, HASH] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const

// Matches URLs that need no parser: a lower-case host name without punycode, whose last label is not a
// number, nothing to percent-encode, and no dot segment.
const PLAIN =
  /^(https?:)\/\/((?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*)(:[1-9]\d{0,4})?(\/[\w\-~!$&'()*+,;=:@%/.]*)?(\?[\w\-~!$&()*+,;=:@%/.?]*)?(#[\w\-~!$&'()*+,;=:@%/.?]*)?$/
const UNSAFE = /\/\.|%2e|xn--|\/-|-\.|:80[/?#]|:443[/?#]|:80$|:443$|:[6-9]\d{4}/i

function parsePlain(text: string): Record | undefined {
  const match = PLAIN.exec(text)
  if (match === null || UNSAFE.test(text)) return undefined
  const [, protocol = '', hostname = '', port = '', pathname = '/', search = '', hash = ''] = match
  const host = hostname + port
  const origin = `${protocol}//${host}`
  const shownSearch = search === '?' ? '' : search
  const shownHash = hash === '#' ? '' : hash
  return [
    origin + pathname + search + hash,
    origin,
    protocol,
    '',
    '',
    host,
    hostname,
    port.slice(1),
    pathname,
    shownSearch,
    shownHash,
  ]
}

// Parses a URL in the engine, which returns the components as lines, because they hold no line feed. An
// invalid URL returns no text.
function parse(text: string, base: string | undefined): Record | undefined {
  if (base === undefined) {
    const plain = parsePlain(text)
    if (plain !== undefined) return plain
  }
  const lines = callSync('url', text, base) as string
  return lines === '' ? undefined : lines.split('\n')
}

export class URL {
  #record: Record
  #params: URLSearchParams | undefined

  constructor(url: unknown, base?: unknown) {
    if (arguments.length === 0) throw new TypeError('URL takes a url')
    const text = toUSVString(url)
    const record = parse(text, base === undefined ? undefined : toUSVString(base))
    if (record === undefined)
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: text })
    this.#record = record
  }

  static canParse(url: unknown, base?: unknown): boolean {
    if (arguments.length === 0) throw new TypeError('canParse takes a url')
    return parse(toUSVString(url), base === undefined ? undefined : toUSVString(base)) !== undefined
  }
  static parse(url: unknown, base?: unknown): URL | null {
    if (arguments.length === 0) throw new TypeError('parse takes a url')
    try {
      return new URL(url, base)
    } catch (error) {
      if (error instanceof TypeError && 'input' in error) return null
      throw error
    }
  }

  /**
   * Creates a `blob:` URL for `fetch` in this isolate. The URL keeps the blob in memory until the URL is
   * revoked or the isolate ends.
   */
  static createObjectURL(blob: unknown): string {
    if (!(blob instanceof Blob)) throw new TypeError('createObjectURL takes a Blob')
    return addBlobUrl(blob)
  }
  static revokeObjectURL(url: unknown): void {
    if (arguments.length === 0) throw new TypeError('revokeObjectURL takes a url')
    removeBlobUrl(`${url as string}`)
  }

  #set(property: string, value: unknown): void {
    const lines = callSync('urlSet', this.#record[HREF], property, toUSVString(value)) as string
    this.#record = lines.split('\n')
    if (this.#params !== undefined && (property === 'search' || property === 'href'))
      resetParams(this.#params, this.#record[SEARCH]?.slice(1) ?? '')
  }

  get href(): string {
    return this.#record[HREF] as string
  }
  set href(value: string) {
    const record = parse(toUSVString(value), undefined)
    if (record === undefined)
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: value })
    this.#record = record
    if (this.#params !== undefined) resetParams(this.#params, record[SEARCH]?.slice(1) ?? '')
  }
  get origin(): string {
    return this.#record[ORIGIN] as string
  }
  get protocol(): string {
    return this.#record[PROTOCOL] as string
  }
  set protocol(value: string) {
    this.#set('protocol', value)
  }
  get username(): string {
    return this.#record[USERNAME] as string
  }
  set username(value: string) {
    this.#set('username', value)
  }
  get password(): string {
    return this.#record[PASSWORD] as string
  }
  set password(value: string) {
    this.#set('password', value)
  }
  get host(): string {
    return this.#record[HOST] as string
  }
  set host(value: string) {
    this.#set('host', value)
  }
  get hostname(): string {
    return this.#record[HOSTNAME] as string
  }
  set hostname(value: string) {
    this.#set('hostname', value)
  }
  get port(): string {
    return this.#record[PORT] as string
  }
  set port(value: string) {
    this.#set('port', value)
  }
  get pathname(): string {
    return this.#record[PATHNAME] as string
  }
  set pathname(value: string) {
    this.#set('pathname', value)
  }
  get search(): string {
    return this.#record[SEARCH] as string
  }
  set search(value: string) {
    this.#set('search', value)
  }
  get searchParams(): URLSearchParams {
    if (this.#params === undefined) {
      this.#params = new URLSearchParams(this.#record[SEARCH])
      linkParams(this.#params, (query) => {
        const lines = callSync('urlSet', this.#record[HREF], 'search', query) as string
        this.#record = lines.split('\n')
      })
    }
    return this.#params
  }
  get hash(): string {
    return this.#record[HASH] as string
  }
  set hash(value: string) {
    this.#set('hash', value)
  }
  toString(): string {
    return this.#record[HREF] as string
  }
  toJSON(): string {
    return this.#record[HREF] as string
  }
}
