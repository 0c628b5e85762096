/** `node:constants` in an isolate: those of the engine's Node. */
import { link } from '../link.ts'

const { all } = link.callSync('constants') as { all: object }
export default all
export { all as 'module.exports' }
