/**
 * Rules of `unmoor check` for code other than calls of bindings: code from text, imports known only at run
 * time, I/O outside of handlers, missing globals, schedules, options.
 */
import { NODE_GLOBALS } from '../../adapter.ts'
import { checkSchedule } from '../../cron.ts'
import { LIMITS } from '../../limits.ts'
import { targetsWhere, type FileContext } from './file-rules.ts'
import type { RuleId } from './rules.ts'
import { bare, importsFrom, keyOf, nameOf, objectOf, propertiesOf, walk, type Node } from '../build/syntax.ts'

/**
 * Reports code from text in an app (`eval`, `new Function`, timers with text) and WebAssembly compiled from
 * bytes.
 */
export function checkCodeFromText(node: Node, context: FileContext): void {
  const targets = targetsWhere(context.targets, ({ adapter }) => adapter.code?.fromText === false)
  if (targets.length === 0 || (node.type !== 'CallExpression' && node.type !== 'NewExpression')) return
  const callee = bare(node.callee)
  const given = node.arguments
  const report = (rule: RuleId, message: string): void =>
    context.report({ rule, at: node.start, length: callee.end - node.start, message, targets })
  if (callee.type === 'Identifier' && context.file.names.find(callee) === undefined) {
    const name = callee.name
    if (name === 'eval' && node.type === 'CallExpression') report('code-eval', 'eval() throws there.')
    if (name === 'Function') report('code-eval', 'new Function() throws there.')
    if (
      (name === 'setTimeout' || name === 'setInterval') &&
      typeof context.evaluate(given[0])?.value === 'string'
    )
      report('code-eval', `${name} with text throws there.`)
  }
  const [object, method] = callee.type === 'MemberExpression' ? [nameOf(callee.object), keyOf(callee)] : []
  if (object !== 'WebAssembly') return
  const isModule = node.type === 'NewExpression' && method === 'Module'
  const isCompile = method === 'compile' || method === 'compileStreaming' || method === 'instantiateStreaming'
  if (isModule || isCompile || (method === 'instantiate' && isBytes(given[0], context)))
    report('code-wasm', 'WebAssembly compiled from bytes at run time is refused there.')
}

/**
 * True if an expression looks like WebAssembly bytes, such as the result of a fetch, rather than an imported
 * module.
 */
function isBytes(node: Node | undefined, { file }: FileContext): boolean {
  const argument = node === undefined ? undefined : bare(node)
  if (argument?.type === 'NewExpression') return true
  const declaration = argument?.type === 'Identifier' ? file.names.find(argument) : undefined
  return (
    declaration?.init !== undefined &&
    /fetch|arrayBuffer|Uint8Array|atob/.test(file.text.slice(declaration.init.start, declaration.init.end))
  )
}

/** Reports `import(expression)` unless the specifier is a literal. */
export function checkDynamicImport(node: Node, context: FileContext): void {
  if (node.type !== 'ImportExpression') return
  const source = node.source
  if (
    typeof context.evaluate(source)?.value === 'string' &&
    (source.type === 'Literal' || source.type === 'TemplateLiteral')
  )
    return
  context.report({
    rule: 'import-dynamic',
    at: node.start,
    length: node.end - node.start,
    message: 'The module is known only at run time: an artifact is one bundle and does not hold it.',
  })
}

/**
 * Reports calls at module level (outside of handlers) that do I/O, set timers or make random values, which
 * some platforms refuse.
 */
export function checkModuleLevel(node: Node, above: readonly Node[], context: FileContext): void {
  if (node.type !== 'CallExpression') return
  const targets = targetsWhere(context.targets, ({ adapter }) => adapter.code?.ioOutsideHandlers === false)
  if (targets.length === 0 || above.some((parent) => /Function/.test(parent.type) || isInstanceField(parent)))
    return
  const callee = bare(node.callee)
  const what =
    callee.type === 'Identifier' && context.file.names.find(callee) === undefined
      ? callee.name
      : callee.type === 'MemberExpression'
        ? `${nameOf(callee.object) ?? ''}.${keyOf(callee) ?? ''}`
        : ''
  if (IO.has(what))
    context.report({
      rule: 'global-io',
      at: node.start,
      length: callee.end - callee.start,
      targets,
      message: `${what}() outside of a handler throws there at the start.`,
    })
}

function isInstanceField(node: Node): boolean {
  return node.type === 'PropertyDefinition' && !node.static
}

const IO: ReadonlySet<string> = new Set([
  'fetch',
  'setTimeout',
  'setInterval',
  'crypto.getRandomValues',
  'crypto.randomUUID',
  'caches.open',
])

/** Names that exist in CommonJS modules only; built artifacts are ES modules. */
const COMMONJS = ['__dirname', '__filename', 'require', 'module', 'exports']
/** JavaScript globals that only web pages or other runtimes have. */
const ELSEWHERE = [
  'window',
  'document',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'XMLHttpRequest',
  'location',
  'alert',
  'Deno',
  'Bun',
]
/** JavaScript globals that only some of unmoor's targets have. */
export const PLATFORM = [
  'caches',
  'HTMLRewriter',
  'WebSocketPair',
  'WebSocket',
  'EventSource',
  'WebSocketRequestResponsePair',
  'FixedLengthStream',
  'IdentityTransformStream',
]

/**
 * Reports globals that a target lacks and that the build does not define (`provided`). For dependencies
 * (`isOwn` is false), only globals of Node and of platforms are reported.
 */
export function checkGlobals(context: FileContext, isOwn: boolean, provided: readonly string[] = []): void {
  const { file } = context
  const asked = new Set<string>()
  walk(file.program, (node) => {
    const argument =
      node.type === 'UnaryExpression' && node.operator === 'typeof' ? bare(node.argument) : undefined
    const name = nameOf(argument)
    if (name !== undefined) asked.add(name)
  })
  const isCommonJs =
    file.path.endsWith('.cjs') || !file.program.body.some(({ type }) => /^(Import|Export)/.test(type))
  const seen = new Set<string>()
  for (const identifier of file.names.globals) {
    const name = identifier.name
    // Globals that a module tests with `typeof` are not reported, since the module works without them. Other
    // globals are reported once per module.
    if (asked.has(name) || seen.has(name) || provided.includes(name)) continue
    const targets = lacking(name, context, isOwn && !isCommonJs)
    if (targets.length === 0 || (!isOwn && !NODE_GLOBALS.includes(name) && !PLATFORM.includes(name))) continue
    seen.add(name)
    context.report({
      rule: 'global-missing',
      at: identifier.start,
      length: name.length,
      targets,
      message: `There is no global "${name}" there.`,
      ...(isOwn ? {} : { severity: 'warning' as const }),
      ...(INSTEAD[name] === undefined ? {} : { instead: INSTEAD[name] }),
    })
  }
}

const INSTEAD: Readonly<Record<string, string>> = {
  process: 'Declare settings as variable() or secret(): they are on env on every target.',
  Buffer:
    'Use Uint8Array with its toBase64 and toHex, TextEncoder and TextDecoder, or import { Buffer } from ' +
    '"node:buffer".',
  global: 'Write globalThis.',
  setImmediate: 'Use queueMicrotask or setTimeout.',
  require: 'Import the module.',
  __dirname: 'An artifact is one file: import the data, or serve it as an asset.',
  __filename: 'An artifact is one file: import the data, or serve it as an asset.',
  caches: 'Declare a cache() binding.',
  WebSocketPair: 'Declare a sockets() binding, and return env.NAME.accept(request) from fetch.',
  WebSocketRequestResponsePair: 'Declare sockets({ autoResponse: ["ping", "pong"] }).',
  localStorage: 'Declare a kv() binding.',
}

function lacking(name: string, { targets }: FileContext, isModule: boolean): string[] {
  if (NODE_GLOBALS.includes(name))
    return targetsWhere(
      targets,
      ({ adapter }) =>
        !(adapter.code?.globals ?? (adapter.nodeBuiltins === 'all' ? NODE_GLOBALS : [])).includes(name),
    )
  if (PLATFORM.includes(name))
    return targetsWhere(targets, ({ adapter }) => adapter.code?.globals?.includes(name) !== true)
  if (isModule && (COMMONJS.includes(name) || ELSEWHERE.includes(name)))
    return targets.map((target) => target.name)
  return []
}

/** Checks the schedules of an app's crons in `crons: { name: { schedule } }` of `defineApp`. */
export function checkCrons(node: Node, above: readonly Node[], context: FileContext): void {
  if (node.type !== 'Property' || keyOf(node) !== 'crons') return
  // Only `crons` of `defineApp` are checked: other objects may have schedules in another syntax.
  const call = above.at(-2)
  if (call?.type !== 'CallExpression' || nameOf(call.callee) !== 'defineApp') return
  const crons = objectOf(node.value)
  if (crons === undefined) return
  for (const [name, property] of propertiesOf(crons)) {
    const cron = objectOf(property.value)
    const schedule = cron === undefined ? undefined : propertiesOf(cron).get('schedule')
    const text = context.evaluate(schedule?.value)?.value
    if (schedule === undefined || typeof text !== 'string') continue
    const value = schedule.value
    try {
      checkSchedule(name, text)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const rule = message.includes('weekdays go by name')
        ? 'cron-weekday'
        : message.includes('together with a weekday')
          ? 'cron-day-and-weekday'
          : 'cron-schedule'
      context.report({ rule, at: value.start, length: value.end - value.start, message })
    }
  }
}

const QUEUE_OPTIONS: Readonly<Record<string, readonly [number, number]>> = {
  maxRetries: [0, LIMITS['queue.maxRetries']],
  retryDelay: [0, LIMITS['queue.delay']],
  batchSize: [1, LIMITS['queue.batchSize']],
  batchWait: [0, LIMITS['queue.batchWait']],
  maxConcurrency: [1, 250],
}

/**
 * Reports options of a `queue({ ... })` declaration that are out of range, which the declaration refuses at
 * run time too.
 */
export function checkQueueOptions(node: Node, context: FileContext): void {
  if (node.type !== 'CallExpression') return
  const callee = bare(node.callee)
  if (
    callee.type !== 'Identifier' ||
    context.file.names.find(callee)?.source !== 'unmoor' ||
    callee.name !== 'queue'
  )
    return
  const options = objectOf(node.arguments[0])
  if (options === undefined) return
  for (const [name, property] of propertiesOf(options)) {
    const range = Object.hasOwn(QUEUE_OPTIONS, name) ? QUEUE_OPTIONS[name] : undefined
    const value = context.evaluate(property.value)?.value
    if (range === undefined || typeof value !== 'number' || (value >= range[0] && value <= range[1])) continue
    context.report({
      rule: 'queue-option',
      at: property.start,
      length: property.end - property.start,
      message: `${name} is ${value}; it goes from ${range[0]} to ${range[1]}.`,
    })
  }
}

/**
 * Options of Response and fetch that only Cloudflare has: the non-default value of each, and the effect of
 * that value.
 */
const BODY_ENCODING: Readonly<Record<string, readonly [value: string, what: string]>> = {
  encodeBody: ['automatic', 'packs a body that has a label already'],
  encodeResponseBody: ['manual', 'leaves fetched answers packed'],
}

/** Reports `{ encodeBody: 'automatic' }` of a Response and `{ encodeResponseBody: 'manual' }` of a fetch. */
export function checkBodyEncoding(node: Node, context: FileContext): void {
  if (node.type !== 'Property') return
  const name = keyOf(node)
  if (name === undefined || !Object.hasOwn(BODY_ENCODING, name)) return
  const [value, what] = BODY_ENCODING[name] as readonly [string, string]
  if (context.evaluate(node.value)?.value !== value) return
  context.report({
    rule: 'body-encoding',
    at: node.start,
    length: node.end - node.start,
    message: `${name}: '${value}' ${what} on Workers, and means nothing to the other targets.`,
  })
}

const NULL_BODY = [101, 204, 205, 304]
/** Methods of Hono's context that make an answer from a body and a status. */
const HONO_ANSWERS = ['body', 'text', 'json', 'html']

/**
 * Reports an answer that has a body although its status has none: `new Response('', { status: 204 })`, and in
 * a module that imports Hono `c.text('', 204)`. They throw.
 */
export function checkNullBody(node: Node, context: FileContext): void {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return
  const callee = bare(node.callee)
  const [body, init] = node.arguments
  const given = context.evaluate(body)
  if (body === undefined || given?.value === undefined || given.value === null) return
  let status: unknown
  if (node.type === 'NewExpression') {
    if (callee.type !== 'Identifier' || callee.name !== 'Response') return
    if (context.file.names.find(callee) !== undefined) return
    const options = objectOf(init)
    if (options !== undefined) status = context.evaluate(propertiesOf(options).get('status')?.value)?.value
  } else {
    if (callee.type !== 'MemberExpression' || !HONO_ANSWERS.includes(keyOf(callee) ?? '')) return
    if (!importsFrom(context.file.program, 'hono')) return
    status = context.evaluate(init)?.value
  }
  if (typeof status !== 'number' || !NULL_BODY.includes(status)) return
  const targets = targetsWhere(context.targets, ({ name }) => given.value !== '' || name !== 'cloudflare')
  if (targets.length > 0)
    context.report({
      rule: 'null-body',
      at: node.start,
      length: node.end - node.start,
      targets,
      message:
        `A response of status ${status} has no body: ` +
        (given.value === '' ? "it throws there, also for ''." : 'it throws.'),
    })
}
