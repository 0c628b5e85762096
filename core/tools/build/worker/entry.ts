/** Generates the modules that turn a Worker into an unmoor app. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type CompiledFunctions, routesModule } from './functions.ts'
import { generatedFolder, MANIFEST_FILE } from './layout.ts'
import type { WorkerProject } from './worker.ts'

/**
 * Writes the app's entry module into the folder of generated files within the project, so that packages
 * resolve as they do for the Worker. Returns the entry's path.
 */
export async function writeEntry(worker: WorkerProject, projectDir: string): Promise<string> {
  const folder = generatedFolder(projectDir, worker.name)
  await mkdir(folder, { recursive: true })
  const main = worker.main === undefined ? undefined : relative(folder, worker.main).replaceAll('\\', '/')
  if (worker.functions !== undefined) await writeFunctions(worker.functions, folder)
  if (worker.spec.site !== undefined)
    await writeFile(
      join(folder, MANIFEST_FILE),
      `export default ${JSON.stringify(JSON.stringify(worker.spec.site.manifest))}\n`,
    )
  const spec = { ...worker.spec }
  // A Worker's setup is a separate module so that it runs before the Worker's modules. Durable Objects need
  // AsyncLocalStorage to tell a nested transaction from the next one.
  const sections = worker.objects.length > 0
  await writeFile(
    join(folder, 'setup.mjs'),
    [
      ...(sections ? [`import { AsyncLocalStorage } from 'node:async_hooks'`] : []),
      `import { setUpWorker } from 'unmoor/internal/workers'`,
      `const spec = ${JSON.stringify(spec, null, 2)}`,
      `export const ready = setUpWorker(spec${sections ? ', new AsyncLocalStorage()' : ''})`,
      ``,
    ].join('\n'),
  )
  await writeFile(
    join(folder, 'app.mjs'),
    [
      `import { ready } from './setup.mjs'`,
      main === undefined
        ? `const worker = { default: {} }`
        : `import * as worker from ${JSON.stringify(main.startsWith('.') ? main : `./${main}`)}`,
      `import { createWorkerApp } from 'unmoor/internal/workers'`,
      `export default createWorkerApp(worker, ready)`,
      ``,
    ].join('\n'),
  )
  return join(folder, 'app.mjs')
}

async function writeFunctions(functions: CompiledFunctions, folder: string): Promise<void> {
  await writeFile(functions.routesFile, routesModule(functions))
  const template = JSON.stringify(functions.template)
  await writeFile(join(folder, 'functions.mjs'), `export { default } from ${template}\n`)
}
