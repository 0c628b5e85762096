/**
 * A parser for the XML that S3 answers with: elements, text, entities, CDATA. It ignores attributes,
 * namespaces and document types, because S3's answers carry no meaning in them. Unknown entities, and
 * references to no character, stay as they are.
 */

/** One element of a parsed XML answer of S3. */
export class XmlElement {
  readonly name: string
  readonly children: XmlElement[] = []
  content = ''

  constructor(name: string) {
    this.name = name
  }

  /** Returns the first child of an XML element with that name. */
  child(name: string): XmlElement | undefined {
    return this.children.find((element) => element.name === name)
  }

  all(name: string): XmlElement[] {
    return this.children.filter((element) => element.name === name)
  }

  /** Returns the text of the first child of an XML element with that name. */
  text(name: string): string | undefined {
    return this.child(name)?.content
  }
}

const TOKEN =
  /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([^\s>]+)\s*>|<([^\s/>]+)(?:"[^"]*"|'[^']*'|[^"'>])*?(\/?)>|([^<]+)/g

const LAST_POINT = 0x10ffff

/**
 * Returns the root element of an XML text, or undefined if the text has none. Text that ends half-way is an
 * error.
 */
export function parseXml(text: string): XmlElement | undefined {
  let root: XmlElement | undefined
  const open: XmlElement[] = []
  for (const [, cdata, closing, opening, empty, characters] of text.matchAll(TOKEN)) {
    const parent = open.at(-1)
    if (opening !== undefined) {
      const element = new XmlElement(opening.slice(opening.indexOf(':') + 1))
      parent?.children.push(element)
      root ??= element
      if (empty === '') open.push(element)
    } else if (closing !== undefined) {
      open.pop()
    } else if (parent !== undefined) {
      parent.content += cdata ?? unescapeXml(characters ?? '')
    }
  }
  if (open.length > 0) throw new SyntaxError(`The XML ends within <${open.at(-1)?.name}>.`)
  return root
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi,
    (entity, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
      if (name !== undefined) return NAMED[name] ?? entity
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
      return point <= LAST_POINT ? String.fromCodePoint(point) : entity
    },
  )
}

const ESCAPED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/**
 * Escapes text as XML element content, with control characters as references. Characters that XML 1.0 cannot
 * hold at all must be refused by the caller.
 */
export function escapeXml(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- the characters that a parser would otherwise normalise
    /[&<>"'\u0000-\u001f\u007f-\u009f]/g,
    (character) => ESCAPED[character] ?? `&#${character.charCodeAt(0)};`,
  )
}
