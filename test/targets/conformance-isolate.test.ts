import { testConformance } from './conformance.ts'

testConformance('isolate')
