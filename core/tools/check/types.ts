/**
 * Recognises bindings in an app's source by their type annotations. Type names count only if imported from
 * unmoor, since an app may have a Queue of its own.
 */
import type { KnownBinding } from './bindings.ts'
import type { Modules } from './modules.ts'
import { annotationOf } from './scope.ts'
import type { SourceFile } from './source-file.ts'
import { keyOf, nameOf, type ESTree } from '../build/syntax.ts'

/** Types exported by `unmoor` that are bindings. */
const TYPES: Readonly<Record<string, KnownBinding>> = {
  Kv: { kind: 'kv' },
  StrongKv: { kind: 'kv', strong: true },
  BlobStore: { kind: 'blob' },
  Blobs: { kind: 'blob' },
  Sql: { kind: 'sql' },
  Queue: { kind: 'queue' },
  Cache: { kind: 'cache' },
  Sockets: { kind: 'sockets' },
}

/**
 * TypeScript's built-in generic types, such as `Promise`, that `unmoor check` resolves to their type
 * argument.
 */
const WRAPPERS: ReadonlySet<string> = new Set([
  'Readonly',
  'Partial',
  'Required',
  'Promise',
  'NonNullable',
  'Awaited',
])
const DEPTH = 10

/** Result of resolving a type: a binding, or the property path of a binding below the env. */
type Found = KnownBinding | { env: readonly string[] }

/** The source file in which a type name is resolved, and the modules that it may import from. */
interface Lookup {
  readonly file: SourceFile
  readonly modules: Modules
}

/** Returns the binding at the property path `path` of a value of the given type. */
export function bindingOfType(
  type: ESTree.TSType | ESTree.TSInterfaceBody,
  path: readonly string[],
  lookup: Lookup,
  depth = 0,
): Found | undefined {
  if (depth > DEPTH) return undefined
  switch (type.type) {
    case 'TSTypeReference':
      return ofReference(type, path, lookup, depth)
    case 'TSIndexedAccessType': {
      const key = type.indexType.type === 'TSLiteralType' ? type.indexType.literal : undefined
      if (key?.type !== 'Literal' || typeof key.value !== 'string') return undefined
      return bindingOfType(type.objectType, [key.value, ...path], lookup, depth + 1)
    }
    case 'TSIntersectionType':
    case 'TSUnionType': {
      for (const part of type.types) {
        const found = bindingOfType(part, path, lookup, depth + 1)
        if (found !== undefined) return found
      }
      return undefined
    }
    case 'TSTypeLiteral':
      return ofMember(type.members, path, lookup, depth)
    case 'TSInterfaceBody':
      return ofMember(type.body, path, lookup, depth)
    default:
      return undefined
  }
}

function ofMember(
  members: readonly ESTree.TSSignature[],
  [name, ...rest]: readonly string[],
  lookup: Lookup,
  depth: number,
): Found | undefined {
  const member = members.find(
    (item) => item.type === 'TSPropertySignature' && name !== undefined && keyOf(item) === name,
  )
  const own = member?.type === 'TSPropertySignature' ? annotationOf(member) : undefined
  return own === undefined ? undefined : bindingOfType(own, rest, lookup, depth + 1)
}

function ofReference(
  type: ESTree.TSTypeReference,
  path: readonly string[],
  { file, modules }: Lookup,
  depth: number,
): Found | undefined {
  const name = nameOf(type.typeName)
  if (name === undefined) return undefined
  const declaration = file.names.top.get(name)
  const given = type.typeArguments?.params[0]
  if (declaration === undefined)
    return given !== undefined && WRAPPERS.has(name)
      ? bindingOfType(given, path, { file, modules }, depth + 1)
      : undefined
  if (declaration.source === 'unmoor') {
    if (declaration.imported === 'Env') return { env: path }
    return path.length === 0 && Object.hasOwn(TYPES, declaration.imported ?? '')
      ? TYPES[declaration.imported ?? '']
      : undefined
  }
  const found = declaration.kind === 'import' ? modules.imported(file, declaration) : { file, declaration }
  if (found === undefined || !('declaration' in found)) return undefined
  const { node } = found.declaration
  const next: Lookup = { file: found.file, modules }
  if (node?.type === 'TSTypeAliasDeclaration')
    return bindingOfType(node.typeAnnotation, path, next, depth + 1)
  return node?.type === 'TSInterfaceDeclaration' ? bindingOfType(node.body, path, next, depth + 1) : undefined
}
