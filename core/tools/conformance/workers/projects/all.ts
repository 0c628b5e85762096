import { ASSETS } from './assets.ts'
import { ASSETS_MISSING } from './assets-missing.ts'
import { MODULES } from './modules.ts'
import type { ProjectCase } from './project-case.ts'

/** Every case of a Worker of its own. */
export const PROJECT_CASES: readonly ProjectCase[] = [...ASSETS, ...ASSETS_MISSING, ...MODULES]
