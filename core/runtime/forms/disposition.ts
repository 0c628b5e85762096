import { formError } from './form-error.ts'

/** The field name and the file name in the Content-Disposition of a form's part. */
export interface PartNames {
  readonly name: string
  /** File name of a form's part; undefined for a part that is text. */
  readonly filename: string | undefined
}

/**
 * Reads the value of a form part's Content-Disposition (RFC 7578, section 4.2; browsers write names by HTML,
 * "multipart/form-data encoding algorithm"). If a parameter appears twice, the last one counts, as in workerd
 * and undici.
 *
 * @throws TypeError for a value that is not `form-data` with a name.
 */
export function readDisposition(value: string, where: string): PartNames {
  const semicolon = value.indexOf(';')
  const kind = (semicolon < 0 ? value : value.slice(0, semicolon)).trim()
  if (kind.toLowerCase() !== 'form-data')
    throw formError(`the Content-Disposition of ${where} is not form-data`)
  let name: string | undefined
  let filename: string | undefined
  let extended: string | undefined
  const from = semicolon < 0 ? value.length : semicolon
  for (const [key, text] of readParameters(value, from, `the Content-Disposition of ${where}`)) {
    if (key === 'name') name = unescapePercent(text)
    else if (key === 'filename') filename = unescapePercent(text)
    else if (key === 'filename*') extended = text
  }
  if (name === undefined) throw formError(`the Content-Disposition of ${where} has no name`)
  if (filename === undefined && extended !== undefined) filename = readExtended(extended, where)
  return { name, filename }
}

type Parameter = readonly [key: string, value: string]

/**
 * Reads the parameters of a form part's header, `; key=value; key="value"`, from the first semicolon on; keys
 * become lower case.
 *
 * Clients disagree about a backslash within quotes. To curl and mail programs `\"` and `\\` are escapes,
 * while browsers write a backslash unescaped, so that `"folder\"` is complete. The header is first read with
 * escapes, and without them if that fails.
 *
 * @throws TypeError for a quote that is not closed, or is followed by something other than a semicolon.
 */
export function readParameters(text: string, from: number, where: string): readonly Parameter[] {
  const escaped = parseParameters(text, from, true)
  if (typeof escaped === 'object') return escaped
  const plain = text.includes('\\') ? parseParameters(text, from, false) : escaped
  if (typeof plain === 'object') return plain
  throw formError(`${escaped} in ${where}`)
}

/** Returns the parameters of a form part's header, or a text that says what is wrong with them. */
function parseParameters(text: string, from: number, escapes: boolean): Parameter[] | string {
  const parameters: Parameter[] = []
  let at = from
  while (at < text.length) {
    // The parser's position in a form part's header is at a semicolon here.
    at = skipBlanks(text, at + 1)
    const semicolon = text.indexOf(';', at)
    const end = semicolon < 0 ? text.length : semicolon
    const part = text.slice(at, end)
    const equals = part.indexOf('=')
    // A parameter without a value in a form part's header is ignored.
    if (equals < 0) {
      at = end
      continue
    }
    const key = part.slice(0, equals).trim().toLowerCase()
    at = skipBlanks(text, at + equals + 1)
    if (text[at] === '"') {
      const quoted = readQuoted(text, at + 1, escapes)
      if (quoted === undefined) return 'a quote is not closed'
      parameters.push([key, quoted.value])
      at = skipBlanks(text, quoted.end)
      if (at < text.length && text[at] !== ';') return 'something follows a quoted value'
    } else {
      parameters.push([key, text.slice(at, end).trim()])
      at = end
    }
  }
  return parameters
}

/**
 * Reads a quoted text of a form part's header from after its first quote. If `escapes` is set, a backslash
 * before a quote or a backslash is an escape; any other backslash stays.
 */
function readQuoted(
  text: string,
  from: number,
  escapes: boolean,
): { value: string; end: number } | undefined {
  let value = ''
  let start = from
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '"') return { value: value + text.slice(start, at), end: at + 1 }
    if (!escapes || char !== '\\' || (text[at + 1] !== '"' && text[at + 1] !== '\\')) continue
    value += text.slice(start, at)
    start = at + 1
    at++
  }
  return undefined
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

/** Decodes the three characters that browsers escape in names of form fields, and no others. */
function unescapePercent(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%22|%0d|%0a/gi, (escape) =>
    escape === '%22' ? '"' : escape[2]?.toLowerCase() === 'd' ? '\r' : '\n',
  )
}

/**
 * Reads `UTF-8'en'%C3%A9` of a form part's `filename*` (RFC 8187), which RFC 7578 forbids and some clients
 * send alone.
 */
function readExtended(text: string, where: string): string {
  const match = /^(utf-8|iso-8859-1)'[^']*'([^']*)$/i.exec(text)
  const [, charset = '', escaped = ''] = match ?? []
  try {
    if (match !== null && charset.toLowerCase() === 'utf-8') return decodeURIComponent(escaped)
    if (match !== null)
      return escaped.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
  } catch {
    // A form part's `filename*` that cannot be decoded is refused below.
  }
  throw formError(`the filename* of ${where} is neither UTF-8 nor ISO-8859-1 as RFC 8187 writes them`)
}
