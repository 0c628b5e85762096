import { checkSchedule } from '../../../cron.ts'
import type { WorkerSpec } from '../../../compat/workers/spec.ts'
import { refuse } from './settings.ts'
import type { KeyPath, WranglerFile } from './file.ts'

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/**
 * Replaces weekday numbers of a cron expression by names: Cloudflare counts weekdays from 1 (Sunday), unmoor
 * takes names.
 */
function nameWeekdays(field: string): string {
  return field
    .split(',')
    .map((part) =>
      part.replace(/^(\d)(?:-(\d))?(?=$|[/#L])/i, (whole, from: string, to?: string) =>
        [from, to]
          .flatMap((day) => (day === undefined ? [] : [WEEKDAYS[Number(day) - 1] ?? whole]))
          .join('-'),
      ),
    )
    .join(',')
}

/** Extends a step from one value in a cron field (`5/10`) to a range that ends at the field's last value. */
function closeSteps(field: string, last: string): string {
  return field
    .split(',')
    .map((part) =>
      part.replace(/^(\d+|[A-Z]{3})\/(\d+)$/i, (_, from: string, step: string) => `${from}-${last}/${step}`),
    )
    .join(',')
}

const LAST = ['59', '23', '31', '12', 'SAT']

/**
 * Reads a Worker's crons: name to unmoor's schedule and Cloudflare's expression. @throws `InvalidArgument`
 * with the expression's line.
 */
export function readCrons(
  file: WranglerFile,
  found: { value: unknown; at: KeyPath } | undefined,
): WorkerSpec['crons'] {
  const crons = ((found?.value as { crons?: unknown } | undefined)?.crons ?? []) as unknown[]
  const at = found?.at ?? []
  const read: Record<string, { schedule: string; cron: string }> = {}
  for (const [index, cron] of crons.entries()) {
    const key = [...at, 'crons', index]
    if (typeof cron !== 'string')
      return refuse(file, key, 'a cron trigger is an expression such as "0 3 * * *".')
    const fields = cron.trim().split(/\s+/)
    const schedule = fields
      .map((field, place) =>
        closeSteps(place === 4 ? nameWeekdays(field) : field, LAST[place] ?? '').replaceAll('?', '*'),
      )
      .join(' ')
    const name = `cron${index + 1}`
    try {
      checkSchedule(name, schedule)
    } catch (error) {
      refuse(file, key, error instanceof Error ? error.message.replace(/^crons\.\w+: /, '') : String(error))
    }
    read[name] = { schedule, cron }
  }
  return read
}
