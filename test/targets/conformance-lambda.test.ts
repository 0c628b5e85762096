import { testConformance } from './conformance.ts'

testConformance('lambda')
