import type { Hash } from 'node:crypto'

/**
 * `createHash` of node:crypto, which is loaded at the first use: importing it costs a cold start milliseconds
 * that most requests do not need.
 */
export function createHash(algorithm: 'sha256' | 'md5'): Hash {
  return process.getBuiltinModule('node:crypto').createHash(algorithm)
}
