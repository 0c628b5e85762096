/** Runs the code rules of `unmoor check` over the app's own modules. */
import { declaredBindings, type KnownBinding } from './bindings.ts'
import { checkCall, checkNative } from './call-rules.ts'
import type { CheckContext } from './context.ts'
import {
  checkBodyEncoding,
  checkNullBody,
  checkCodeFromText,
  checkCrons,
  checkDynamicImport,
  checkGlobals,
  checkModuleLevel,
  checkQueueOptions,
} from './code-rules.ts'
import { evaluate, type ImportedValue } from './evaluate.ts'
import type { FileContext } from './file-rules.ts'
import type { Report } from './finding.ts'
import { Flow } from './flow.ts'
import { Modules } from './modules.ts'
import type { SourceFile } from './source-file.ts'
import { checkSocketsOptions } from './socket-rules.ts'
import { checkPrepare, checkSqlCall, checkTagged } from './sql-sites.ts'
import { importsFrom, walk } from '../build/syntax.ts'

/**
 * Globals that the build of an existing Worker defines (`core/compat/workers/globals.ts`), also those of
 * WebSockets: another rule reports targets without WebSockets.
 */
const WORKER_GLOBALS = [
  'caches',
  'HTMLRewriter',
  'IdentityTransformStream',
  'FixedLengthStream',
  'scheduler',
  'Cloudflare',
  'WebSocketPair',
  'WebSocketRequestResponsePair',
]

/** Runs every code rule of `unmoor check` over every module of the app. */
export async function checkModules(context: CheckContext): Promise<void> {
  const modules = [...context.modules.values()]
  const graph = await Modules.read(context.modules)
  const flow = new Flow(graph, knownBindings(context))
  // `provided` names the globals that the build defines: Lambda's for an app made from a Lambda handler,
  // Cloudflare's for a Worker.
  const provided = context.isWorker
    ? WORKER_GLOBALS
    : modules.some(({ program }) => importsFrom(program, 'unmoor/from-lambda'))
      ? ['process', 'awslambda']
      : []
  for (const file of modules) {
    const reports: Report[] = []
    const imported = importsOf(file, graph)
    const own: FileContext = {
      file,
      bindingOf: (node) => flow.bindingOf(node, file),
      targets: context.targets,
      evaluate: (node) => (node === undefined ? undefined : evaluate(node, file.names, imported)),
      report: (report) => void reports.push(report),
    }
    walk(file.program, (node, above) => {
      switch (node.type) {
        case 'CallExpression':
          if (context.isWorker) checkPrepare(node, above, own)
          checkCall(node, own)
          checkSqlCall(node, above, own)
          checkCodeFromText(node, own)
          checkModuleLevel(node, above, own)
          checkQueueOptions(node, own)
          checkSocketsOptions(node, own)
          if (!context.isWorker) checkNullBody(node, own)
          break
        case 'NewExpression':
          checkCodeFromText(node, own)
          if (!context.isWorker) checkNullBody(node, own)
          break
        case 'TaggedTemplateExpression':
          checkTagged(node, above, own)
          break
        case 'ImportExpression':
          checkDynamicImport(node, own)
          break
        case 'MemberExpression':
          checkNative(node, own)
          break
        case 'Property':
          checkCrons(node, above, own)
          // In a Worker's build, `encodeBody` and `encodeResponseBody` work as on Cloudflare.
          if (!context.isWorker) checkBodyEncoding(node, own)
          break
      }
    })
    checkGlobals(own, true, provided)
    context.add(file, reports)
  }
}

/**
 * Returns the app's declared bindings by name. The manifest's declarations replace those found in the source;
 * if the app does not load, only the source is known.
 */
export function knownBindings({
  manifest,
  modules,
}: Pick<CheckContext, 'manifest' | 'modules'>): Map<string, KnownBinding> {
  const known = new Map<string, KnownBinding>()
  for (const file of modules.values())
    for (const [name, binding] of declaredBindings(file.program)) known.set(name, binding)
  for (const [name, declaration] of Object.entries(manifest?.bindings ?? {}))
    known.set(name, {
      kind: declaration.kind,
      strong: declaration.kind === 'kv' && declaration.consistency === 'strong',
      large: declaration.kind === 'sockets' && declaration.largeMessages === true,
    })
  return known
}

function importsOf(file: SourceFile, modules: Modules): ImportedValue {
  return (declaration) => {
    const found = modules.imported(file, declaration)
    if (found === undefined || 'module' in found) return undefined
    const next = { names: found.file.names, imported: importsOf(found.file, modules) }
    if ('node' in found) return { node: found.node, ...next }
    const { kind, init, path } = found.declaration
    return kind !== 'const' || init === undefined || path?.length !== 0 ? undefined : { node: init, ...next }
  }
}
