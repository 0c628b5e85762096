import type { AnyConfig, BundleSettings } from '../../config.ts'

/** What a config says of a target's bundles: the target's own word before that for all. */
export function bundleSettings(config: AnyConfig, target: string): BundleSettings {
  const own = config.targets?.[target]
  return {
    requestLog: own?.requestLog ?? config.requestLog,
    minify: own?.minify ?? config.minify,
    sourcemap: own?.sourcemap ?? config.sourcemap,
    external: own?.external ?? config.external,
  }
}
