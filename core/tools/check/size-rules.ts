/** Rule of `unmoor check` for bundles and assets that exceed the platforms' size limits. */
import type { BuildContext } from '../../adapter.ts'
import type { CheckContext } from './context.ts'
import type { SourceFile } from './source-file.ts'
import { SourceText } from './source-file.ts'

/** Reports bundles and static assets that exceed the size limits of a target. */
export function checkSizes(context: CheckContext, assets: BuildContext['assets']): void {
  for (const [{ name, adapter }, { size }] of context.graphs) {
    const entry = context.modules.get(context.project.worker?.main ?? context.project.entry) as SourceFile
    const { bundle, asset, assets: most } = adapter.code ?? {}
    if (bundle !== undefined && size > bundle)
      context.add(entry, [
        {
          rule: 'size-bundle',
          at: 0,
          targets: [name],
          message: `The app has ${size} bytes; ${bundle} are the most.`,
        },
      ])
    for (const { source, size } of assets?.files ?? []) {
      if (asset === undefined || size <= asset) continue
      context.add(new SourceText(source, '', []), [
        {
          rule: 'size-asset',
          at: 0,
          targets: [name],
          message: `The file has ${size} bytes; ${asset} are the most.`,
        },
      ])
    }
    if (most !== undefined && (assets?.files.length ?? 0) > most)
      context.add(entry, [
        {
          rule: 'size-asset',
          at: 0,
          targets: [name],
          message: `There are ${assets?.files.length} assets; ${most} are the most.`,
        },
      ])
  }
}
