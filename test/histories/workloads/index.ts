/** All workloads by name. */
import type { WorkloadName } from '../plan-data.ts'
import { crons } from './crons.ts'
import { queue } from './queue.ts'
import { sql } from './sql.ts'
import { strongKv } from './strong-kv.ts'
import { blob, kv } from './values.ts'
import type { Workload } from './workload.ts'

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  'strong-kv': strongKv,
  kv,
  blob,
  queue,
  sql,
  crons,
}
