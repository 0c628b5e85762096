import { defineApp } from 'unmoor'
import { HANDLERS, type Work } from './handlers.ts'

// Read once, so that no routing is measured.
const work =
  (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env['BENCH_WORK'] ??
  'hello'

export default defineApp({ fetch: HANDLERS[work as Work] })
