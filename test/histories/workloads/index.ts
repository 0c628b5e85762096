/** All workloads by name. */
import { crons, type CronStep } from './crons.ts'
import { queue, type QueueStep } from './queue.ts'
import { sql, type ListsStep } from './sql.ts'
import { strongKv, type StrongKvStep } from './strong-kv.ts'
import { blob, kv, type ValueStep } from './values.ts'
import type { Workload } from './workload.ts'

export type Step = StrongKvStep | ValueStep | QueueStep | ListsStep | CronStep

export const WORKLOADS = { 'strong-kv': strongKv, kv, blob, queue, sql, crons } as const satisfies Record<
  string,
  Workload
>

export type WorkloadName = keyof typeof WORKLOADS
