export * from '../tools.ts'
export { Named } from '../repository.ts'
export type { Deps } from './types.ts'
