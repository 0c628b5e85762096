import type { BuildContext } from '../../../core/adapter.ts'
import { serverEntry } from '../../node-server/build/entry.ts'
import { versionsOf, writeServerFiles } from '../../node-server/build/files.ts'
import { checkOptions } from '../options.ts'

/**
 * Writes the artifact of the target `node`: server.mjs (the app and all it needs), its assets, package.json
 * and a Dockerfile.
 */
export async function build(context: BuildContext): Promise<void> {
  const entry = serverEntry(context, {
    runtime: 'unmoor/internal/node/runtime',
    imports: [`import app from '#app'`],
    app: [`app`, `name: ${JSON.stringify(context.manifest.name)}`],
    options: checkOptions(context.options),
  })
  const { packages } = await context.bundle({ entry, file: 'server.mjs' })
  await writeServerFiles(context, { dependencies: versionsOf(packages) })
}
