/** Rules of `unmoor check` for sockets bindings: their declarations, and the messages that an app sends. */
import { utf8Length } from '../../bindings/bytes.ts'
import type { Capability } from '../../capabilities.ts'
import { LIMITS } from '../../limits.ts'
import { targetsWhere, type FileContext } from './file-rules.ts'
import type { KnownBinding } from './bindings.ts'
import { bare, objectOf, propertiesOf, type Node } from '../build/syntax.ts'

/** Options of a sockets declaration that a target may lack, with the capability that each needs. */
const NEEDS: Readonly<Record<string, Capability>> = {
  binary: 'sockets.binary',
  largeMessages: 'sockets.largeMessages',
}

/** Reports a sockets declaration, or an option of it, that a target lacks. */
export function checkSocketsOptions(node: Node, context: FileContext): void {
  if (node.type !== 'CallExpression') return
  const callee = bare(node.callee)
  if (
    callee.type !== 'Identifier' ||
    context.file.names.find(callee)?.source !== 'unmoor' ||
    callee.name !== 'sockets'
  )
    return
  lacking('sockets', 'A sockets binding', callee, context)
  const object = objectOf(node.arguments[0])
  if (object === undefined) return
  const options = propertiesOf(object)
  for (const [name, capability] of Object.entries(NEEDS)) {
    const property = options.get(name)
    if (property !== undefined && context.evaluate(property.value)?.value === true)
      lacking(capability, `sockets({ ${name}: true })`, property, context)
  }
  checkOrigins(callee, options.get('origins')?.value, context)
}

function lacking(capability: Capability, what: string, { start, end }: Node, context: FileContext): void {
  const targets = targetsWhere(context.targets, ({ adapter }) => !adapter.capabilities[capability])
  if (targets.length > 0)
    context.report({
      rule: 'sockets-capability',
      at: start,
      length: end - start,
      targets,
      message: `${what} is refused by the build there (capability ${capability}).`,
    })
}

/**
 * Reports a declaration without origins for Lambda. API Gateway serves WebSockets on a host of their own, so
 * that no page has the same origin.
 */
function checkOrigins(callee: Node, origins: Node | undefined, context: FileContext): void {
  const value = origins === undefined ? [] : context.evaluate(origins)?.value
  if (!Array.isArray(value) || value.length > 0) return
  const targets = targetsWhere(context.targets, ({ name }) => name === 'lambda')
  if (targets.length > 0)
    context.report({
      rule: 'sockets-origins',
      at: callee.start,
      length: callee.end - callee.start,
      targets,
      severity: 'warning',
      message:
        'There sockets have a host of their own: without origins, pages are answered 403. Clients that are ' +
        'no browsers pass.',
    })
}

/** Methods of a sockets binding that send a message, with the place of the message in their arguments. */
const SENDS: Readonly<Record<string, number>> = { send: 1, publish: 1 }

/** Checks a call of a sockets binding whose message or topic the source shows. */
export function checkSocketsCall(
  method: string,
  given: readonly Node[],
  context: FileContext & { readonly binding: KnownBinding },
): void {
  const place = Object.hasOwn(SENDS, method) ? SENDS[method] : undefined
  if (place === undefined) return
  const message = given[place]
  const max = LIMITS[context.binding.large === true ? 'sockets.largeMessage' : 'sockets.message']
  checkLength(message, max, 'The message', context)
  if (method === 'publish') checkLength(given[0], LIMITS['sockets.topic'], 'The topic', context)
}

function checkLength(node: Node | undefined, max: number, what: string, context: FileContext): void {
  const value = context.evaluate(node)?.value
  const size =
    typeof value === 'string' ? utf8Length(value) : value instanceof Uint8Array ? value.byteLength : 0
  if (node !== undefined && size > max)
    context.report({
      rule: 'sockets-message',
      at: node.start,
      length: node.end - node.start,
      message: `${what} has ${size} bytes; ${max} are the most.`,
    })
}
