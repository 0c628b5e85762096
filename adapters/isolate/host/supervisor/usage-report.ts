import type { ToSupervisor } from '../messages.ts'
import { isUsage } from '../usage.ts'

type UsageReport = Extract<ToSupervisor, { type: 'usage' }>

/**
 * Returns a process's report without the entries that are no usage of an app, and says which those are. A
 * process whose engine was broken out of may send anything, which must not end the supervisor.
 */
export function withoutWrongUsage(report: UsageReport, onOutput: (line: string) => void): UsageReport {
  const apps: UsageReport['apps'] = {}
  for (const [app, entry] of Object.entries(report.apps)) {
    if (isUsage(entry?.usage) && Number.isFinite(entry.memory)) apps[app] = entry
    else
      onOutput(`A process reported a usage of "${app}" that is none: ${JSON.stringify(entry)?.slice(0, 500)}`)
  }
  return { ...report, apps }
}
