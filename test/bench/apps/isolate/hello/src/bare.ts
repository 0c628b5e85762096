/** The same Worker without unmoor. */
import { HANDLERS } from '../../../http/src/handlers.ts'

export default { fetch: HANDLERS.hello }
