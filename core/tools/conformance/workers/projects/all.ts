import { ASSETS } from './assets.ts'
import { ASSETS_MISSING } from './assets-missing.ts'
import { ASSETS_RULES } from './assets-rules.ts'
import { MODULES } from './modules.ts'
import { CALL_CASES } from './calls.ts'
import { CONDITIONS } from './conditions.ts'
import { ENCODING } from './encoding.ts'
import { ENV } from './env.ts'
import { FUNCTIONS_CASES } from './functions.ts'
import { NAMES_CASES } from './names.ts'
import { NODE_BUILTIN_CASES } from './node-builtins.ts'
import { OBJECT_INGEST_CASES } from './object-ingest.ts'
import { PAGES_CASES } from './pages.ts'
import { QUEUES } from './queues.ts'
import { SITES } from './sites.ts'
import { SOCKETS } from './sockets.ts'
import { WEB_SOCKETS } from './web-sockets.ts'
import { WEB_SOCKET_OBJECTS } from './web-socket-objects.ts'
import type { ProjectCase } from './project-case.ts'

/** Every case that has a Worker project of its own. */
export const PROJECT_CASES: readonly ProjectCase[] = [
  ...ASSETS,
  ...ASSETS_MISSING,
  ...ASSETS_RULES,
  ...MODULES,
  ...NAMES_CASES,
  ...NODE_BUILTIN_CASES,
  ...OBJECT_INGEST_CASES,
  ...ENCODING,
  ...ENV,
  ...QUEUES,
  ...SOCKETS,
  ...CONDITIONS,
  ...PAGES_CASES,
  ...FUNCTIONS_CASES,
  ...SITES,
  ...CALL_CASES,
  ...WEB_SOCKETS,
  ...WEB_SOCKET_OBJECTS,
]
