/**
 * Rules of `unmoor check` for calls of bindings, such as arguments that some target refuses. Only arguments
 * that the source shows are checked.
 */
import { utf8Length } from '../../bindings/bytes.ts'
import type { Capability } from '../../capabilities.ts'
import { LIMITS, type LimitName } from '../../limits.ts'
import type { KnownBinding } from './bindings.ts'
import { targetsWhere, type FileContext } from './file-rules.ts'
import type { RuleId } from './rules.ts'
import { checkSocketsCall } from './socket-rules.ts'
import { bare, keyOf, objectOf, propertiesOf, type ESTree, type Node } from '../build/syntax.ts'

/**
 * Methods that parse a request's or response's body as a form: `formData` of the web API, `parseBody` of
 * Hono.
 */
const FORM_READERS = ['formData', 'parseBody']

/**
 * Checks one method call in the app's code: of a binding, of a request's form, or of a queue message's
 * `retry`.
 */
export function checkCall(call: ESTree.CallExpression, context: FileContext): void {
  const callee = bare(call.callee)
  if (callee.type !== 'MemberExpression') return
  const method = keyOf(callee)
  if (method === undefined) return
  const given = call.arguments
  if (given.some(({ type }) => type === 'SpreadElement')) return
  const binding = context.bindingOf(callee.object)
  if (binding !== undefined) KINDS[binding.kind]?.(method, given, { ...context, binding, callee })
  else if (FORM_READERS.includes(method)) checkForm(method, callee, context)
  // A queue message is not a binding, but its `retry` has the same limit of delay as a queue's `send`.
  else if ((method === 'retry' || method === 'retryAll') && given.length === 1) checkDelay(given[0], context)
}

function checkForm(method: string, callee: ESTree.MemberExpression, context: FileContext): void {
  const targets = targetsWhere(context.targets, ({ adapter }) => !adapter.capabilities['request.forms'])
  if (targets.length > 0)
    context.report({
      rule: 'form-parts',
      at: callee.property.start,
      length: method.length,
      targets,
      severity: 'warning',
      message:
        'There an empty file input is text and no File, %22 in a name stays, and a file without a type has ' +
        'the type "" (capability request.forms).',
    })
}

/** Reports uses of a binding's property `native`, such as `env.links.native`, which only Cloudflare has. */
export function checkNative(member: ESTree.MemberExpression, context: FileContext): void {
  if (keyOf(member) !== 'native') return
  const binding = context.bindingOf(member.object)
  if (binding === undefined) return
  const targets = targetsWhere(context.targets, ({ name }) => name !== 'cloudflare')
  if (targets.length > 0)
    context.report({
      rule: 'binding-native',
      at: member.property.start,
      length: 6,
      targets,
      severity: 'warning',
      message: '`native` is there on Cloudflare only.',
    })
}

interface CallContext extends FileContext {
  binding: KnownBinding
  callee: ESTree.MemberExpression
}

const KINDS: Readonly<
  Record<string, (method: string, given: readonly Node[], context: CallContext) => void>
> = {
  kv: checkKv,
  blob: checkBlob,
  queue: checkQueue,
  sql: checkSql,
  sockets: checkSocketsCall,
}

function checkKv(method: string, given: readonly Node[], context: CallContext): void {
  const [first, second] = given
  if (STRONG_METHODS.includes(method) && context.binding.strong !== true) {
    const property = context.callee.property
    context.report({
      rule: 'kv-strong',
      at: property.start,
      length: method.length,
      message: `A plain kv has no ${method}: its reads may be stale, so a write cannot depend on one.`,
    })
    return
  }
  if (method === 'list') return checkNumber(propertyOf(first, 'limit'), 'kv-list', 'kv.list', 'keys', context)
  if (method === 'getMany') return checkCount(first, 'kv-get-many', 'kv.getMany', 'keys', context)
  if (!['get', 'getWithMetadata', 'put', 'delete', ...STRONG_METHODS].includes(method)) return
  checkKey(first, 'kv-key', 'kv.key', context)
  if (method === 'put' || method === 'putIf') {
    checkSize(second, 'kv-value', 'kv.value', 'The value', context)
    checkPutOptions(given[method === 'put' ? 2 : 3], context)
  }
}

const STRONG_METHODS = ['putIf', 'update', 'getWithVersion', 'deleteIf']
const PUT_OPTIONS = ['ttl', 'expiration', 'metadata']

function checkPutOptions(node: Node | undefined, context: FileContext): void {
  const object = objectOf(node)
  if (object === undefined) return
  const options = propertiesOf(object)
  for (const [name, property] of options) {
    if (PUT_OPTIONS.includes(name)) continue
    const instead = name === 'expirationTtl' ? 'Its name here is ttl, in seconds.' : undefined
    context.report({
      rule: 'kv-option',
      at: property.start,
      length: name.length,
      message: `put has no option "${name}".`,
      ...(instead === undefined ? {} : { instead }),
    })
  }
  const ttl = options.get('ttl')
  const seconds = context.evaluate(ttl?.value)?.value
  const min = LIMITS['kv.ttl.min']
  if (ttl !== undefined && typeof seconds === 'number' && seconds < min)
    context.report({
      rule: 'kv-ttl',
      at: ttl.start,
      length: ttl.end - ttl.start,
      message:
        `A ttl of ${seconds} s is under the portable minimum of ${min} s (Cloudflare's): the put ` +
        'throws.',
    })
  const expiration = options.get('expiration')
  if (ttl !== undefined && expiration !== undefined)
    context.report({
      rule: 'kv-ttl',
      at: expiration.start,
      length: 10,
      message: 'ttl and expiration together: the put throws.',
      instead: 'Give one of them.',
    })
  const metadata = options.get('metadata')
  const value = metadata === undefined ? undefined : context.evaluate(metadata.value)
  const size = value === undefined ? 0 : utf8Length(JSON.stringify(value.value) ?? '')
  if (metadata !== undefined && size > LIMITS['kv.metadata'])
    context.report({
      rule: 'kv-metadata',
      at: metadata.start,
      length: 8,
      message: `The metadata has ${size} bytes of JSON; ${LIMITS['kv.metadata']} are the most.`,
    })
}

const BLOB_CAPABILITIES: Readonly<Record<string, Capability>> = {
  signedUrl: 'blob.signedUrls',
  startUpload: 'blob.multipart',
}

function checkBlob(method: string, given: readonly Node[], context: CallContext): void {
  const capability = Object.hasOwn(BLOB_CAPABILITIES, method) ? BLOB_CAPABILITIES[method] : undefined
  if (capability !== undefined) {
    const targets = targetsWhere(context.targets, ({ adapter }) => !adapter.capabilities[capability])
    const property = context.callee.property
    if (targets.length > 0)
      context.report({
        rule: 'blob-capability',
        at: property.start,
        length: method.length,
        targets,
        message: `${method} is Unsupported there (capability ${capability}).`,
      })
    return
  }
  const [first, , third] = given
  if (method === 'list')
    return checkNumber(propertyOf(first, 'limit'), 'blob-list', 'blob.list', 'keys', context)
  if (!['get', 'head', 'put', 'delete'].includes(method)) return
  checkKey(first, 'blob-key', 'blob.key', context)
  const metadata = method === 'put' ? propertyOf(third, 'customMetadata') : undefined
  const value = context.evaluate(metadata?.value)?.value
  if (metadata === undefined || typeof value !== 'object' || value === null) return
  const size = Object.entries(value).reduce(
    (sum, [name, text]) => sum + utf8Length(name) + (typeof text === 'string' ? utf8Length(text) : 0),
    0,
  )
  if (size > LIMITS['blob.metadata'])
    context.report({
      rule: 'blob-metadata',
      at: metadata.start,
      length: 8,
      message: `The metadata has ${size} bytes; ${LIMITS['blob.metadata']} are the most.`,
    })
}

function checkQueue(method: string, given: readonly Node[], context: CallContext): void {
  const [first, second] = given
  if (method === 'send') {
    checkSize(first, 'queue-message', 'queue.message', 'The message', context)
    checkDelay(second, context)
  }
  if (method !== 'sendBatch' || first === undefined) return
  checkCount(first, 'queue-batch', 'queue.sendBatch', 'messages', context)
  const list = bare(first)
  if (list.type !== 'ArrayExpression') return
  for (const item of list.elements) {
    if (item === null || objectOf(item) === undefined) continue
    checkSize(propertyOf(item, 'body')?.value, 'queue-message', 'queue.message', 'The message', context)
    checkDelay(item, context)
  }
}

/** Methods of a sql binding that not every target supports, with the capability that they need. */
const SQL_NEEDS: Readonly<Record<string, { capability: Capability; rule: RuleId; what: string }>> = {
  transaction: {
    capability: 'sql.interactiveTransactions',
    rule: 'sql-transaction',
    what: 'An interactive transaction',
  },
  each: { capability: 'sql.each', rule: 'sql-each', what: 'A loop over rows' },
}

function checkSql(method: string, _given: readonly Node[], context: CallContext): void {
  const needed = Object.hasOwn(SQL_NEEDS, method) ? SQL_NEEDS[method] : undefined
  if (needed === undefined) return
  const { capability, rule, what } = needed
  // An adapter that is older than a sql capability does not list it; such a target counts as lacking the
  // capability.
  const targets = targetsWhere(context.targets, ({ adapter }) => !adapter.capabilities[capability])
  const property = context.callee.property
  if (targets.length > 0)
    context.report({
      rule,
      at: property.start,
      length: method.length,
      targets,
      message: `${what} is Unsupported there (capability ${capability}).`,
    })
}

function checkDelay(options: Node | undefined, context: FileContext): void {
  const property = propertyOf(options, 'delaySeconds')
  const seconds = context.evaluate(property?.value)?.value
  const max = LIMITS['queue.delay']
  if (property !== undefined && typeof seconds === 'number' && seconds > max)
    context.report({
      rule: 'queue-delay',
      at: property.start,
      length: property.end - property.start,
      message: `A delay of ${seconds} s is over the portable limit of ${max} s (SQS's): the call throws.`,
    })
}

function checkKey(node: Node | undefined, rule: RuleId, limit: LimitName, context: FileContext): void {
  const key = context.evaluate(node)?.value
  if (node === undefined || typeof key !== 'string') return
  const why =
    key === ''
      ? 'is empty'
      : rule === 'kv-key' && (key === '.' || key === '..')
        ? `is "${key}", which Workers KV refuses`
        : !key.isWellFormed()
          ? 'has a lone surrogate, which backends store differently'
          : utf8Length(key) > LIMITS[limit]
            ? `has ${utf8Length(key)} bytes; ${LIMITS[limit]} are the most`
            : undefined
  if (why !== undefined)
    context.report({ rule, at: node.start, length: node.end - node.start, message: `The key ${why}.` })
}

function checkSize(
  node: Node | undefined,
  rule: RuleId,
  limit: LimitName,
  what: string,
  context: FileContext,
): void {
  const known = context.evaluate(node)
  if (node === undefined || known === undefined) return
  const { value } = known
  const bytes =
    typeof value === 'object' &&
    value !== null &&
    'byteLength' in value &&
    typeof value.byteLength === 'number'
      ? value.byteLength
      : undefined
  // A kv value that is a string is stored as it is; a queue message is stored as JSON.
  const size =
    bytes ??
    (rule === 'kv-value' && typeof value === 'string'
      ? utf8Length(value)
      : utf8Length(JSON.stringify(value) ?? ''))
  if (size > LIMITS[limit])
    context.report({
      rule,
      at: node.start,
      length: node.end - node.start,
      message: `${what} has ${size} bytes; ${LIMITS[limit]} are the most.`,
    })
}

function checkNumber(
  property: ESTree.ObjectProperty | undefined,
  rule: RuleId,
  limit: LimitName,
  what: string,
  context: FileContext,
): void {
  const count = context.evaluate(property?.value)?.value
  if (property !== undefined && typeof count === 'number' && count > LIMITS[limit])
    context.report({
      rule,
      at: property.start,
      length: property.end - property.start,
      message: `${count} ${what}: ${LIMITS[limit]} are the most.`,
    })
}

function checkCount(
  node: Node | undefined,
  rule: RuleId,
  limit: LimitName,
  what: string,
  context: FileContext,
): void {
  const list = context.evaluate(node)?.value
  const written = node === undefined ? undefined : bare(node)
  const count = Array.isArray(list)
    ? list.length
    : written?.type === 'ArrayExpression'
      ? written.elements.length
      : 0
  if (node !== undefined && count > LIMITS[limit])
    context.report({ rule, at: node.start, message: `${count} ${what}: ${LIMITS[limit]} are the most.` })
}

function propertyOf(node: Node | undefined, name: string): ESTree.ObjectProperty | undefined {
  const object = objectOf(node)
  return object === undefined ? undefined : propertiesOf(object).get(name)
}
