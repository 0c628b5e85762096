import type { MigrateReport, UnmoorError } from 'unmoor/adapter'

/** Prefix of the line on stdout by which the server tells its parent whether it has started. */
export const REPORT = '\u0001unmoor '

/** JSON of the line that the server reports to its parent. */
export type Report =
  | { type: 'listening'; url: string; runtime: string }
  | { type: 'migrated'; report: MigrateReport }
  | { type: 'failed'; error: ReturnType<UnmoorError['toJSON']> }
