import { testConformance } from './conformance.ts'

// Each environment is a process to start: three cases at once need fewer of them, and take no longer.
testConformance('lambda', { concurrency: 3, targetOptions: { maxEnvironments: 10 } })
