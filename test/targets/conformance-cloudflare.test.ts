import { testConformance } from './conformance.ts'

testConformance('cloudflare')
