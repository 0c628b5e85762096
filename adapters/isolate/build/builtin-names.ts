/**
 * Finds the built-ins that a bundle asks for by name at run time. An isolate cannot answer an `import()` that
 * the bundler left in place, as comments such as `@vite-ignore` tell it to.
 */
import { type Node, parse, walk } from '../../../core/tools/build/syntax.ts'
import { NODE_SHIMS } from './node-shims.ts'

/**
 * Name that replaces the keyword `import` in a bundle's code and is as long, so that the source map still
 * holds (`guest/node/builtin-modules.ts`).
 */
const IMPORT = '$built'
/** Text that the stand-in of node:module leaves in a bundle that uses `createRequire`. */
const CREATE_REQUIRE = 'unmoor:create-require'
const ASKS = /\bimport\s*\(|getBuiltinModule|unmoor:create-require/

/**
 * Node built-ins that a bundle asks for by name at run time, and the bundle with those requests rewritten.
 */
export interface AskedBuiltins {
  /**
   * Names, without `node:`, of the Node built-ins that a bundle asks for and that the isolate target serves.
   */
  readonly names: readonly string[]
  /** Text of the bundle, with function calls in place of its `import(...)` expressions. */
  readonly code: string
}

/**
 * Finds the Node built-ins that a bundle asks for by name. Returns undefined if it asks for nothing by name.
 */
export async function askedBuiltins(code: string): Promise<AskedBuiltins | undefined> {
  if (!ASKS.test(code)) return undefined
  const { program } = await parse('app.js', code)
  const names = new Set<string>()
  const imports: number[] = []
  // The name of a `require` that `createRequire` made is up to the app, so every call with text counts.
  const requires = code.includes(CREATE_REQUIRE)
  let asks = requires
  walk(program, (node) => {
    // The name of a Node built-in may come from a constant or a function, so every string that begins with
    // `node:` counts.
    const text = textOf(node)
    if (text?.startsWith('node:') === true) names.add(text.slice('node:'.length))
    if (node.type === 'ImportExpression') {
      imports.push(node.start)
      addName(names, node.source)
    }
    if (node.type === 'ImportExpression' || isUse(node)) asks = true
    if (node.type === 'CallExpression' && (requires || isUse(node.callee))) addName(names, node.arguments[0])
  })
  if (!asks) return undefined
  return {
    names: [...names].filter((name) => Object.hasOwn(NODE_SHIMS, name)).toSorted(),
    code: replaced(code, imports),
  }
}

function addName(names: Set<string>, node: Node | undefined): void {
  const text = node === undefined ? undefined : textOf(node)
  if (text !== undefined) names.add(text.replace(/^node:/, ''))
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  return node.type === 'TemplateLiteral' && node.expressions.length === 0
    ? (node.quasis[0]?.value.cooked ?? undefined)
    : undefined
}

/**
 * True if a syntax node reads a property `getBuiltinModule`. The stand-in of node:process only defines that
 * property.
 */
function isUse(node: Node): boolean {
  if (node.type === 'ChainExpression') return isUse(node.expression)
  if (node.type === 'MemberExpression')
    return 'name' in node.property
      ? node.property.name === 'getBuiltinModule'
      : textOf(node.property) === 'getBuiltinModule'
  return (
    node.type === 'ObjectPattern' &&
    node.properties.some(
      (property) =>
        property.type === 'Property' && 'name' in property.key && property.key.name === 'getBuiltinModule',
    )
  )
}

function replaced(code: string, imports: readonly number[]): string {
  let text = ''
  let at = 0
  for (const start of imports.toSorted((a, b) => a - b)) {
    text += code.slice(at, start) + IMPORT
    at = start + IMPORT.length
  }
  return text + code.slice(at)
}

/**
 * Returns the bundler's define that has a loader for each Node built-in of the bundle; a built-in is
 * evaluated when code first asks for it. The loaders are a define rather than code of the entry, because the
 * app's modules may ask for built-ins while they are evaluated, before any line of an entry runs.
 */
export function builtinDefine(names: readonly string[]): Record<string, string> {
  const loaders = names.map(
    (name) => `${JSON.stringify(name)}: () => require(${JSON.stringify(`node:${name}`)})`,
  )
  return {
    UNMOOR_BUILTINS: `({ ${loaders.join(', ')} })`,
    UNMOOR_BUILTIN_NAMES: JSON.stringify(Object.keys(NODE_SHIMS)),
  }
}
