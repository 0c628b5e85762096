/** Finds where an app uses features in which targets differ: file and line, from the app's syntax alone. */
import type { KnownBindings } from '../check/bindings.ts'
import { Flow } from '../check/flow.ts'
import type { Modules } from '../check/modules.ts'
import type { SourceFile } from '../check/source-file.ts'
import { bare, keyOf, nameOf, walk, type Node } from '../build/syntax.ts'

/** A place in the app's source that uses a feature. */
export interface Use {
  /** Absolute path of the source file that uses the feature. */
  file: string
  line: number
}

/** Places where an app uses features, by feature name; a use of a binding is named `binding NAME`. */
export type Uses = ReadonlyMap<string, readonly Use[]>

/** Names of features that an app may use, other than its bindings. */
export type UseName =
  | 'request body'
  | 'request body as a stream'
  | 'form'
  | 'request.signal'
  | 'large or streamed answers'
  | 'waitUntil'
  | 'blob upload in parts'
  | 'signed URL'
  | 'sql transaction'
  | 'sql each'
  | 'cache binding'
  | 'message.attempts'
  | 'sockets'
  | 'fetch handler'

const BODY_READERS: ReadonlySet<string> = new Set([
  'arrayBuffer',
  'blob',
  'bytes',
  'formData',
  'text',
  'json',
])
const STREAM_HELPERS: ReadonlySet<string> = new Set([
  'stream',
  'streamText',
  'streamSSE',
  'pipeTo',
  'pipeThrough',
])

/** Finds the places where the app's own modules use features in which targets differ. */
export function findUses(modules: Modules, bindings: KnownBindings): Uses {
  const flow = new Flow(modules, bindings)
  const uses = new Map<string, Use[]>()
  for (const file of modules.files.values()) {
    const add = (name: string, at: number): void => {
      const { line } = file.position(at)
      const known = uses.get(name) ?? []
      if (!known.some((use) => use.file === file.path && use.line === line))
        known.push({ file: file.path, line })
      uses.set(name, known)
    }
    walk(file.program, (node) => look(node, file, bindings, flow, add))
  }
  return uses
}

function look(
  node: Node,
  file: SourceFile,
  bindings: KnownBindings,
  flow: Flow,
  add: (name: string, at: number) => void,
): void {
  if (
    node.type === 'NewExpression' &&
    ['ReadableStream', 'TransformStream'].includes(nameOf(node.callee) ?? '')
  )
    add('large or streamed answers', node.start)
  if (node.type === 'Property' && keyOf(node) === 'fetch') add('fetch handler', node.start)
  if (node.type !== 'MemberExpression') {
    if (node.type === 'CallExpression' && STREAM_HELPERS.has(nameOf(node.callee) ?? ''))
      add('large or streamed answers', node.start)
    return
  }
  const name = keyOf(node)
  if (name === undefined) return
  const object = bare(node.object)
  const at = node.property.start
  if (name === 'waitUntil') add('waitUntil', at)
  if (name === 'attempts') add('message.attempts', at)
  if (isRequest(object) || flow.isRequest(object, file)) {
    if (name === 'signal') add('request.signal', at)
    if (name === 'body') add('request body as a stream', at)
    if (name === 'body' || BODY_READERS.has(name)) add('request body', at)
    if (name === 'formData' || name === 'parseBody') add('form', at)
  } else if (name === 'body' || name === 'pipeTo' || name === 'pipeThrough')
    add('large or streamed answers', at)
  const known = flow.bindingOf(node.object, file)
  if (known?.kind === 'sql' && name === 'transaction') add('sql transaction', at)
  if (known?.kind === 'sql' && name === 'each') add('sql each', at)
  if (known?.kind === 'blob' && name === 'startUpload') add('blob upload in parts', at)
  if (known?.kind === 'blob' && name === 'signedUrl') add('signed URL', at)
  if (known?.kind === 'cache') add('cache binding', at)
  if (known?.kind === 'sockets') add('sockets', at)
  if (bindings.has(name) && flow.bindingOf(node, file) !== undefined) add(`binding ${name}`, at)
}

/**
 * Returns true for an expression in the app's code that looks like a request: `request`, `req`, `c.req`,
 * `c.req.raw`.
 */
function isRequest(object: Node): boolean {
  const name = object.type === 'MemberExpression' ? keyOf(object) : nameOf(object)
  return (
    name === 'request' ||
    name === 'req' ||
    (name === 'raw' && object.type === 'MemberExpression' && isRequest(bare(object.object)))
  )
}
