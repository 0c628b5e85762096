import { dirname, basename } from 'node:path'
import { rolldown } from 'rolldown'

/** Bundles and minifies one module as it is. */
export async function bundleBare(entry: string, file: string): Promise<void> {
  const build = await rolldown({
    input: entry,
    platform: 'neutral',
    external: /^node:/,
    resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'default'] },
    logLevel: 'silent',
  })
  await build.write({ dir: dirname(file), entryFileNames: basename(file), format: 'esm', minify: true })
  await build.close()
}
