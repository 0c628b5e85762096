/** The same Worker without unmoor. */
import { hello } from './hello.ts'

export default { fetch: hello }
