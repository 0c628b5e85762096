/**
 * The conformance suite: the cases that every target must pass on its real runtime, and every driver on its
 * real backend.
 */
export { CASES } from './cases/all.ts'
export { GROUPS, type Case, type CaseBase, type Group, type InsideCase, type WireCase } from './case.ts'
export type { Expectations } from './expectations/expectations.ts'
export { EXPECTATIONS } from './expectations/index.ts'
export { deviationsText, staleSince } from './deviations.ts'
export { matrixText } from './matrix.ts'
export {
  reportLine,
  reportText,
  type CaseResult,
  type GroupCount,
  type Outcome,
  type Report,
} from './report.ts'
export { runConformance, selectCases, type ConformanceOptions } from './runner.ts'
export { buildForDeployment } from './target.ts'
export { startUpstream, type Upstream } from './upstream.ts'
export { driverCases, type DriverTraits } from './drivers/cases.ts'
export type { DriverCase, DriverKind } from './drivers/driver-case.ts'
export { driverContext, type Harness, type OpenOptions } from './drivers/harness.ts'
export { driverReportLine, driverReportText, type DriverReport } from './drivers/report.ts'
export { runDriverConformance, type DriverConformanceOptions } from './drivers/run.ts'
export { WORKER_GROUPS, type WorkerCase, type WorkerGroup } from './workers/case.ts'
export { runWorkersConformance, selectWorkerCases, type WorkersConformanceOptions } from './workers/run.ts'
export { runSoak, type SoakOptions, type SoakReport } from './soak/soak.ts'
export type { LoadReport } from './soak/host/load.ts'
export { runHostSoak, type HostSoakOptions, type HostSoakReport } from './soak/host/index.ts'
