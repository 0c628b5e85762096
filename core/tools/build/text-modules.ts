import { readFile } from 'node:fs/promises'
import type { Plugin } from 'rolldown'
import { nameOf, objectOf, parse, propertiesOf, walk, type Node } from './syntax.ts'

/**
 * Extensions of files that are always imported as text, as wrangler does. The bundler handles `.txt` itself.
 */
export const TEXT_TYPES = { '.sql': 'text', '.html': 'text' } as const

const RAW = /[?&]raw$/
/** Matches source code with an import that has the attribute `type`. */
const ATTRIBUTES = /\bwith\b\s*:?\s*\{[^}]*\btype\b/

/**
 * Bundler plugin that imports a file as text: by `import text from './page.svg?raw'`, as in Vite, and by the
 * attributes of `import text from './page.svg' with { type: 'text' }`. The bundler does not pass attributes
 * to plugins, so the second form is rewritten to the first.
 */
export function textModulesPlugin(): Plugin {
  return {
    name: 'unmoor:text',
    transform: {
      filter: { code: ATTRIBUTES, id: { include: /\.[cm]?[jt]sx?$/, exclude: /[?&]raw$/ } },
      async handler(code, id) {
        const text = await withRawSpecifiers(id, code)
        return text === code ? null : { code: text, map: null }
      },
    },
    resolveId: {
      filter: { id: RAW },
      async handler(source, importer, extra) {
        const found = await this.resolve(source.replace(RAW, ''), importer, { ...extra, skipSelf: true })
        if (found === null || found.external !== false) return null
        return { id: `${found.id}?raw`, moduleSideEffects: false }
      },
    },
    load: {
      filter: { id: RAW },
      handler: async (id) => ({ code: await readFile(id.replace(RAW, ''), 'utf8'), moduleType: 'text' }),
    },
  }
}

async function withRawSpecifiers(file: string, code: string): Promise<string> {
  const { program } = await parse(file, code)
  const ends: number[] = []
  walk(program, (node) => {
    const source = textSource(node)
    if (source?.type === 'Literal' && typeof source.value === 'string' && !RAW.test(source.value))
      ends.push(source.end - 1)
  })
  return ends
    .toSorted((a, b) => b - a)
    .reduce((text, at) => `${text.slice(0, at)}?raw${text.slice(at)}`, code)
}

/** The specifier of an import whose attributes have `type: 'text'`; undefined for any other syntax node. */
function textSource(node: Node): Node | undefined {
  if (node.type === 'ImportExpression') {
    const options = objectOf(node.options)
    const attributes = options === undefined ? undefined : propertiesOf(options).get('with')
    const list = objectOf(attributes?.value)
    const type = list === undefined ? undefined : propertiesOf(list).get('type')?.value
    return type?.type === 'Literal' && type.value === 'text' ? node.source : undefined
  }
  if (node.type !== 'ImportDeclaration' && node.type !== 'ExportNamedDeclaration') return undefined
  const isText = (node.attributes ?? []).some(
    ({ key, value }) =>
      (key.type === 'Literal' ? key.value : nameOf(key)) === 'type' && value.value === 'text',
  )
  return isText ? (node.source ?? undefined) : undefined
}
