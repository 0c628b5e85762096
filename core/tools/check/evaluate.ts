import type { Declaration, Names } from './scope.ts'
import { bare, keyOf, nameOf, type ESTree, type Identifier, type Node } from '../build/syntax.ts'

/**
 * Finds the value of a name that is imported from another file of the project, as an expression in that file.
 */
export type ImportedValue = (
  declaration: Declaration,
) => { node: Node; names: Names; imported: ImportedValue } | undefined

/** Evaluates an expression of the app's source; returns undefined if it is missing or its value unknown. */
type Evaluate = (node: Node | null | undefined) => { value: unknown } | undefined

/**
 * Length limit in characters of a string that is evaluated from source code. Rules only need to know that a
 * longer one exceeds every limit.
 */
const LONGEST = 64 * 1024 * 1024
const DEPTH = 20

/**
 * Evaluates an expression of the app's source without running it: literals, templates, sums, constants (also
 * imported ones), `'x'.repeat(n)`, `new Uint8Array(n)`, and arrays and objects of these. Returns undefined
 * for a value that is known only at run time.
 */
export function evaluate(
  node: Node,
  names: Names,
  imported: ImportedValue,
  depth = 0,
): { value: unknown } | undefined {
  if (depth > DEPTH) return undefined
  const go: Evaluate = (inner) =>
    inner === null || inner === undefined ? undefined : evaluate(inner, names, imported, depth + 1)
  const expression = bare(node)
  switch (expression.type) {
    case 'Literal':
      return { value: expression.value }
    case 'Identifier':
      return ofName(expression, names, imported, depth)
    case 'TemplateLiteral': {
      let text = ''
      const parts = expression.expressions
      for (const [index, quasi] of expression.quasis.entries()) {
        text += quasi.value.cooked ?? ''
        if (index >= parts.length) break
        const part = go(parts[index])
        if (part === undefined || (typeof part.value === 'object' && part.value !== null)) return undefined
        text += String(part.value)
      }
      return { value: text }
    }
    case 'UnaryExpression': {
      const operand = go(expression.argument)
      if (operand === undefined) return undefined
      if (expression.operator === '-' && typeof operand.value === 'number') return { value: -operand.value }
      if (expression.operator === '!') return { value: !operand.value }
      return undefined
    }
    case 'BinaryExpression':
      return ofBinary(expression.operator, go(expression.left), go(expression.right))
    case 'ArrayExpression': {
      const items: unknown[] = []
      for (const item of expression.elements) {
        if (item?.type === 'SpreadElement') return undefined
        items.push(go(item)?.value)
      }
      return { value: items }
    }
    case 'ObjectExpression': {
      const object: Record<string, unknown> = {}
      for (const property of expression.properties) {
        if (property.type !== 'Property') return undefined
        const key = keyOf(property)
        const value = go(property.value)
        if (key === undefined || value === undefined) return undefined
        Object.defineProperty(object, key, {
          value: value.value,
          enumerable: true,
          configurable: true,
          writable: true,
        })
      }
      return { value: object }
    }
    case 'NewExpression': {
      const size = go(expression.arguments[0])?.value
      const bytes = nameOf(expression.callee)
      // An evaluated byte array is represented by its length, so that no memory is allocated.
      if ((bytes === 'Uint8Array' || bytes === 'ArrayBuffer') && typeof size === 'number')
        return { value: { byteLength: size } }
      return undefined
    }
    case 'CallExpression':
      return ofCall(expression, go)
    default:
      return undefined
  }
}

function ofName(
  identifier: Identifier,
  names: Names,
  imported: ImportedValue,
  depth: number,
): { value: unknown } | undefined {
  const declaration = names.find(identifier)
  if (declaration === undefined) return identifier.name === 'undefined' ? { value: undefined } : undefined
  if (declaration.kind === 'const' && declaration.init !== undefined && declaration.path?.length === 0)
    return evaluate(declaration.init, names, imported, depth + 1)
  const elsewhere = declaration.kind === 'import' ? imported(declaration) : undefined
  return elsewhere === undefined
    ? undefined
    : evaluate(elsewhere.node, elsewhere.names, elsewhere.imported, depth + 1)
}

function ofBinary(
  operator: string,
  left: { value: unknown } | undefined,
  right: { value: unknown } | undefined,
): { value: unknown } | undefined {
  if (left === undefined || right === undefined) return undefined
  const [a, b] = [left.value, right.value]
  if (operator === '+' && (typeof a === 'string' || typeof b === 'string')) {
    const simple = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number'
    return simple(a) && simple(b) ? { value: `${a as string}${b as string}` } : undefined
  }
  if (typeof a !== 'number' || typeof b !== 'number') return undefined
  switch (operator) {
    case '+':
      return { value: a + b }
    case '-':
      return { value: a - b }
    case '*':
      return { value: a * b }
    case '/':
      return { value: a / b }
    case '%':
      return { value: a % b }
    case '**':
      return { value: a ** b }
    case '<<':
      return { value: a << b }
    default:
      return undefined
  }
}

function ofCall(call: ESTree.CallExpression, go: Evaluate): { value: unknown } | undefined {
  const callee = bare(call.callee)
  if (callee.type !== 'MemberExpression') return undefined
  const [argument] = call.arguments
  switch (keyOf(callee)) {
    case 'repeat': {
      const text = go(callee.object)?.value
      const count = go(argument)?.value
      if (typeof text !== 'string' || typeof count !== 'number' || !(count >= 0)) return undefined
      return {
        value:
          text.length * count > LONGEST
            ? text.repeat(Math.ceil(LONGEST / Math.max(text.length, 1)))
            : text.repeat(count),
      }
    }
    case 'stringify': {
      const value = nameOf(callee.object) === 'JSON' ? go(argument) : undefined
      return value === undefined ? undefined : { value: JSON.stringify(value.value) }
    }
    case 'fill':
    case 'map': {
      // For an array that `fill` or `map` returns, the evaluator of `unmoor check` knows only the length.
      const object = bare(callee.object)
      return object.type === 'NewExpression' ? ofNewArray(object, go) : undefined
    }
    case 'from': {
      const length =
        nameOf(callee.object) === 'Array' && argument?.type === 'ObjectExpression'
          ? go(argument)?.value
          : undefined
      return isLength(length) ? { value: Array.from({ length: length.length }) } : undefined
    }
    default:
      return undefined
  }
}

function ofNewArray(node: ESTree.NewExpression, go: Evaluate): { value: unknown } | undefined {
  const length = nameOf(node.callee) === 'Array' ? go(node.arguments[0])?.value : undefined
  return isLength({ length }) ? { value: Array.from({ length: length as number }) } : undefined
}

function isLength(value: unknown): value is { length: number } {
  const length = (value as { length?: unknown } | undefined)?.length
  return typeof length === 'number' && Number.isInteger(length) && length >= 0 && length <= 1_000_000
}
