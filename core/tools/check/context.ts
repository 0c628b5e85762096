import type { LoadedConfig, Project } from '../build/project.ts'
import type { CheckedTarget } from './file-rules.ts'
import type { Report } from './finding.ts'
import type { ModuleGraph } from './module-graph.ts'
import type { SourceFile, SourceText } from './source-file.ts'

/** What the parts of a check share. */
export interface CheckContext {
  project: LoadedConfig
  /** Undefined where the app does not load. */
  manifest: Project['manifest'] | undefined
  targets: readonly CheckedTarget[]
  graphs: ReadonlyMap<CheckedTarget, ModuleGraph>
  /** True if the app is an existing Cloudflare Worker. */
  isWorker: boolean
  /** The app's own modules by absolute path. */
  modules: ReadonlyMap<string, SourceFile>
  /** Reports about a file; its silencing comments are heeded. `chain` for files of dependencies. */
  add(file: SourceText, reports: readonly Report[], chain?: readonly string[]): void
}
