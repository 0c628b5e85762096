import type { AnyConfig, BundleSettings } from '../../config.ts'

/** The config's bundle settings for a target: `targets.NAME` overrides the settings for all targets. */
export function bundleSettings(config: AnyConfig, target: string): BundleSettings {
  const own = config.targets?.[target]
  return {
    requestLog: own?.requestLog ?? config.requestLog,
    minify: own?.minify ?? config.minify,
    sourcemap: own?.sourcemap ?? config.sourcemap,
    external: own?.external ?? config.external,
  }
}
