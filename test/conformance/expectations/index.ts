import { cloudflare } from './cloudflare.ts'
import { isolate } from './isolate.ts'
import { lambda } from './lambda.ts'
import { node } from './node.ts'

/** Case ids to the reason why the case fails. One that passes after all fails the run, so that the list stays true. */
export type Expectations = Readonly<Record<string, string>>

/** By target. */
export const EXPECTATIONS: Readonly<Record<string, Expectations>> = { node, cloudflare, lambda, isolate }
