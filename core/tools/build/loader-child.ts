/**
 * Child process that imports the project's config and the bundled app. User code may exit, hang or keep
 * handles open, so it never runs in the command's own process, and each load sees the current files.
 */
import process from 'node:process'
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { App } from '../../app.ts'
import { UnmoorError } from '../../errors.ts'
import { createManifest } from '../../manifest.ts'
import { checkConfig, checkTargetNames } from './config-check.ts'
import type { LoadedManifest, LoaderReply, LoaderRequest } from './loader.ts'
import { resolvePublicName } from './packages.ts'

// Imports of `unmoor` always resolve to this package, since a project may have no unmoor in its node_modules
// (npx, a checkout).
registerHooks({
  resolve(specifier, context, next) {
    const own = resolvePublicName(specifier)
    return own === undefined ? next(specifier, context) : { url: pathToFileURL(own).href, shortCircuit: true }
  },
})

process.on('message', (request: LoaderRequest) => {
  answer(request).then(
    (value) => reply({ id: request.id, value }),
    (error: unknown) => reply({ id: request.id, error: describe(error) }),
  )
})
// Node's default output for an uncaught error includes the failing source line, which for a minified file is
// the whole file.
process.on('uncaughtException', (error: unknown) => {
  console.error(error instanceof Error ? error.stack : error)
  process.exit(1)
})
// When the parent command ends, the loader's child process ends too.
process.on('disconnect', () => process.exit(0))

async function answer(request: LoaderRequest): Promise<unknown> {
  const module = (await import(pathToFileURL(request.file).href)) as { default?: unknown }
  if (request.kind === 'config') {
    if (module.default === undefined)
      throw new UnmoorError(
        'InvalidArgument',
        `${request.label} has no default export. Write: export default defineConfig({ ... })`,
        { operation: 'config' },
      )
    const config = checkConfig(module.default, request.label)
    checkTargetNames(config, request.label)
    return config
  }
  const app = checkApp(module.default, request.label)
  const { warnings = [] } = app as { warnings?: string[] }
  return { manifest: createManifest(request.name, app), warnings } satisfies LoadedManifest
}

function checkApp(value: unknown, label: string): App {
  const refuse = (what: string): never => {
    throw new UnmoorError('InvalidArgument', `${label}: ${what}`, { operation: 'build' })
  }
  if (value === undefined || value === null)
    return refuse('there is no default export. End it with: export default defineApp({ fetch })')
  if (typeof value !== 'object' && typeof value !== 'function')
    return refuse(
      `the default export is a ${typeof value}, not an app. Write: export default defineApp({ fetch })`,
    )
  const app = value as Partial<App>
  if (isObject(app.bindings) && isObject(app.queues) && isObject(app.crons) && 'fetch' in app)
    return value as App
  return refuse(
    'fetch' in app
      ? 'the default export has a fetch but was not made by defineApp. Write: export default ' +
          'defineApp({ bindings, fetch: app.fetch })'
      : 'the default export was not made by defineApp. Write: export default defineApp({ bindings, fetch })',
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function describe(error: unknown): NonNullable<LoaderReply['error']> {
  if (error instanceof Error) {
    const { code, operation } = error as { code?: string; operation?: string }
    // The app's bundle has its own copy of the class UnmoorError, so an error is recognised by name.
    return {
      own: error.name === 'UnmoorError',
      code,
      operation,
      name: error.name,
      message: error.message,
      stack: error.stack ?? '',
    }
  }
  return { own: false, name: 'Error', message: String(error), stack: '' }
}

function reply(message: LoaderReply): void {
  process.send?.(message)
}
