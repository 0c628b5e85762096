// It puts itself there.
import './process.ts'

export { holder } from './global-names.ts'
