import type { WorkerOptions } from '../options.ts'

/** Options of `unmoor deploy` as commander reads them. */
export interface DeployFlags extends WorkerOptions {
  target?: string
  host?: string
  token?: string
  app?: string
  dir?: string
  build?: true
  settings?: string
  secrets?: string
  note?: string
  list?: true
  /** Version to go back to, or true for the one before. */
  rollback?: string | true
  configure?: true
  delete?: true
  deleteData?: true
  dryRun?: true
  yes?: true
  project: string
  reporter: 'text' | 'json'
}
