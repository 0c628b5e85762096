import { testConformance } from './conformance.ts'

testConformance('node')
