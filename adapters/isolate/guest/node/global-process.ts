import { putGlobal } from './global-names.ts'
import { process } from './process.ts'

export { holder } from './global-names.ts'

putGlobal('process', process)
