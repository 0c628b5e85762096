/** The conformance suite: what every target must pass on its real runtime. */
export { CASES } from './cases/all.ts'
export type { Case, Group, InsideCase, InsideTools, WireCase, WireTools } from './case.ts'
export { EXPECTATIONS, type Expectations } from './expectations/index.ts'
export { matrixText } from './matrix.ts'
export { reportLine, reportText, type CaseResult, type GroupCount, type Outcome, type Report } from './report.ts'
export { runConformance, selectCases, type ConformanceOptions } from './runner.ts'
export { buildForDeployment } from './target.ts'
