import type { MigrateReport, UnmoorError } from 'unmoor/adapter'

/** Begins the line on stdout that tells the parent what became of the start. */
export const REPORT = '\u0001unmoor '

/** What that line has as JSON. */
export type Report =
  | { type: 'listening'; url: string; runtime: string }
  | { type: 'migrated'; report: MigrateReport }
  | { type: 'failed'; error: ReturnType<UnmoorError['toJSON']> }
