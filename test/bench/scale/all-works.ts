import { HOST_APPS } from './host-apps.ts'
import { MORE } from './more-work.ts'
import { SCALE, type ScaleWork } from './work.ts'

/** All works by id, in the order of a run. */
export const WORKS: Readonly<Record<string, ScaleWork>> = { ...SCALE, ...MORE, ...HOST_APPS }
