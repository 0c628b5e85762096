import { Buffer } from './buffer.ts'
import { putGlobal } from './global-names.ts'

export { holder } from './global-names.ts'

putGlobal('Buffer', Buffer)
