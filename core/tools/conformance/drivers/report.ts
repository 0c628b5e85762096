import type { Group } from '../case.ts'
import { type CaseResult, createReport, type GroupCount, reportLine, reportText } from '../report.ts'

/** The result of a driver's conformance run. */
export interface DriverReport extends GroupCount {
  driver: string
  /** Name of the backend that the tested driver ran against. */
  backend: string
  /** Case counts of a driver's run by kind, of the app's cases and the driver's own together. */
  suites: Partial<Record<Group, GroupCount>>
  cases: CaseResult[]
}

/** Creates the report of a driver's conformance run, with counts of its results. */
export function createDriverReport(driver: string, backend: string, cases: CaseResult[]): DriverReport {
  const { target: _, runtime: __, groups, ...counts } = createReport(driver, backend, cases)
  return { driver, backend, suites: groups, ...counts }
}

/**
 * Returns a driver's conformance report as the one JSON line of `--reporter json`: counts, and only those
 * cases that did not pass.
 */
export function driverReportLine(report: DriverReport): object {
  const { driver, backend, suites } = report
  const {
    target: _,
    runtime: __,
    groups: ___,
    ...counts
  } = reportLine(asReport(report)) as Record<string, unknown>
  return { driver, backend, suites, ...counts }
}

/** Returns a driver's conformance report as a table, for people. */
export function driverReportText(report: DriverReport): string {
  return reportText(asReport(report))
}

function asReport({ driver, backend, suites, ...counts }: DriverReport): Parameters<typeof reportText>[0] {
  return { target: driver, runtime: backend, groups: suites, ...counts }
}
