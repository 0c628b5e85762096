/** Bindings by their annotations. Names count only where they come from unmoor: an app may have a Queue of its own. */
import type { KnownBinding } from './bindings.ts'
import type { Modules } from './modules.ts'
import { annotationOf } from './scope.ts'
import type { SourceFile } from './source-file.ts'
import { keyOf, nameOf, type Node } from './syntax.ts'

/** The types of `unmoor` that are bindings. */
const TYPES: Readonly<Record<string, KnownBinding>> = {
  Kv: { kind: 'kv' },
  StrongKv: { kind: 'kv', strong: true },
  BlobStore: { kind: 'blob' },
  Blobs: { kind: 'blob' },
  Sql: { kind: 'sql' },
  Queue: { kind: 'queue' },
  Cache: { kind: 'cache' },
}

/** Types of the language that have the properties of what they are given. */
const WRAPPERS: ReadonlySet<string> = new Set(['Readonly', 'Partial', 'Required', 'Promise', 'NonNullable', 'Awaited'])
const DEPTH = 10

/** What lies at `path` below a value of that type: a binding, or what is to be looked for in the env. */
export function bindingOfType(
  type: Node,
  file: SourceFile,
  path: readonly string[],
  modules: Modules,
  depth = 0,
): KnownBinding | { env: readonly string[] } | undefined {
  if (depth > DEPTH) return undefined
  const [name, ...rest] = path
  switch (type.type) {
    case 'TSTypeReference':
      return ofReference(type, file, path, modules, depth)
    case 'TSIndexedAccessType': {
      const key = (type['indexType'] as Node)['literal'] as Node | undefined
      return typeof key?.['value'] === 'string' ? bindingOfType(type['objectType'] as Node, file, [key['value'], ...path], modules, depth + 1) : undefined
    }
    case 'TSIntersectionType':
    case 'TSUnionType': {
      for (const part of type['types'] as Node[]) {
        const found = bindingOfType(part, file, path, modules, depth + 1)
        if (found !== undefined) return found
      }
      return undefined
    }
    case 'TSTypeLiteral':
    case 'TSInterfaceBody': {
      const members = (type['members'] ?? type['body']) as Node[]
      const member = members.find((item) => item.type === 'TSPropertySignature' && name !== undefined && keyOf(item) === name)
      const own = member === undefined ? undefined : annotationOf(member)
      return own === undefined ? undefined : bindingOfType(own, file, rest, modules, depth + 1)
    }
    default:
      return undefined
  }
}

function ofReference(
  type: Node,
  file: SourceFile,
  path: readonly string[],
  modules: Modules,
  depth: number,
): KnownBinding | { env: readonly string[] } | undefined {
  const name = nameOf(type['typeName'])
  if (name === undefined) return undefined
  const declaration = file.names.top.get(name)
  const [given] = ((type['typeArguments'] as Node | null)?.['params'] ?? []) as Node[]
  if (declaration === undefined) return given !== undefined && WRAPPERS.has(name) ? bindingOfType(given, file, path, modules, depth + 1) : undefined
  if (declaration.source === 'unmoor') {
    if (declaration.imported === 'Env') return { env: path }
    return path.length === 0 && Object.hasOwn(TYPES, declaration.imported ?? '') ? TYPES[declaration.imported ?? ''] : undefined
  }
  const found = declaration.kind === 'import' ? modules.imported(file, declaration) : { file, declaration }
  if (found === undefined || !('declaration' in found)) return undefined
  const { node, kind } = found.declaration
  if (kind !== 'type' || node === undefined) return undefined
  return bindingOfType((node['typeAnnotation'] ?? node['body']) as Node, found.file, path, modules, depth + 1)
}
