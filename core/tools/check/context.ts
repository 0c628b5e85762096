import type { LoadedConfig, Project } from '../build/project.ts'
import type { CheckedTarget } from './file-rules.ts'
import type { Report } from './finding.ts'
import type { ModuleGraph } from './module-graph.ts'
import type { SourceFile, SourceText } from './source-file.ts'

/** Data that all parts of one `unmoor check` run share. */
export interface CheckContext {
  project: LoadedConfig
  /** The checked app's manifest; undefined if the app does not load. */
  manifest: Project['manifest'] | undefined
  targets: readonly CheckedTarget[]
  graphs: ReadonlyMap<CheckedTarget, ModuleGraph>
  /** True if the checked app is an existing Cloudflare Worker. */
  isWorker: boolean
  /** Parsed modules of the app itself, by absolute path. */
  modules: ReadonlyMap<string, SourceFile>
  /**
   * Adds rule reports about a file, except those that a comment in the file silences. `chain` is the chain of
   * imports to a dependency's file.
   */
  add(file: SourceText, reports: readonly Report[], chain?: readonly string[]): void
}
