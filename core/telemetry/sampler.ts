import type { SpanContext } from './trace-context.ts'

/** Returns true if the trace `traceId` is recorded. `parent` is the span that called this app, if any. */
export type Sampler = (traceId: string, parent: SpanContext | undefined) => boolean

const ROOTS: readonly string[] = ['always_on', 'always_off', 'traceidratio']

/** Names of the samplers that `OTEL_TRACES_SAMPLER` may have. */
export const SAMPLERS: readonly string[] = [...ROOTS, ...ROOTS.map((name) => `parentbased_${name}`)]

/**
 * Creates the sampler of a name of {@link SAMPLERS}. `ratio`, from 0 to 1, is the share of traces that
 * `traceidratio` records. A `parentbased` sampler decides for traces that begin here and takes the caller's
 * decision for all others.
 */
export function createSampler(name: string, ratio: number): Sampler {
  const root: Sampler = name.endsWith('always_on')
    ? () => true
    : name.endsWith('always_off')
      ? () => false
      : (traceId) => isWithin(traceId, ratio)
  return name.startsWith('parent')
    ? (traceId, parent) => (parent === undefined ? root(traceId, parent) : parent.sampled)
    : root
}

/**
 * Compares the end of the trace id, which W3C Trace Context 2 requires to be random, with the ratio: so all
 * apps with the same ratio record the same traces. 13 digits are as many as a number holds exactly.
 */
function isWithin(traceId: string, ratio: number): boolean {
  return parseInt(traceId.slice(19), 16) >= (1 - ratio) * 2 ** 52
}
