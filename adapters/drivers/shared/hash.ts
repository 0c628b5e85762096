import type { Hash } from 'node:crypto'

/**
 * `createHash` of node:crypto, which is loaded at the first use: importing it slows a cold start by
 * milliseconds, and most requests do not need it.
 */
export function createHash(algorithm: 'sha256' | 'md5'): Hash {
  return process.getBuiltinModule('node:crypto').createHash(algorithm)
}
