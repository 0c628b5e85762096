/**
 * Limits of one cryptographic call, because a job on libuv's threads cannot be stopped. Each keeps a call
 * well under a second here.
 */
export const MAX_ROUNDS = 2_000_000
export const MAX_MODULUS_BITS = 4096
const MAX_ARGON2_KIB = 64 * 1024
const MAX_ARGON2_PASSES = 10
const HASH_BITS: Readonly<Record<string, number>> = {
  'SHA-1': 160,
  'SHA-256': 256,
  'SHA-384': 384,
  'SHA-512': 512,
}

/**
 * Refuses a call of SubtleCrypto that would take too long or too much memory. `args` are the tenant's
 * arguments exactly as they are about to be used.
 *
 * @throws a DOMException `NotSupportedError` that names the limit.
 */
export function checkCost(method: string, args: readonly unknown[]): void {
  const algorithm = args.find((value) => typeof value === 'object' && value !== null && 'name' in value) as
    | Readonly<Record<string, unknown>>
    | undefined
  const name = String(algorithm?.['name']).toUpperCase()
  if (algorithm === undefined) return
  if (name === 'PBKDF2' && (method === 'deriveBits' || method === 'deriveKey')) {
    const hash = algorithm['hash']
    const hashBits =
      HASH_BITS[
        String(
          typeof hash === 'object' && hash !== null ? (hash as { name?: unknown }).name : hash,
        ).toUpperCase()
      ] ?? 160
    const bits = method === 'deriveBits' ? Number(args[2] ?? 0) : 512
    const rounds = Number(algorithm['iterations']) * Math.max(1, Math.ceil(bits / hashBits))
    if (rounds > MAX_ROUNDS) refuse(`PBKDF2 with ${rounds} rounds is over the limit of ${MAX_ROUNDS}`)
  }
  if (
    method === 'generateKey' &&
    name.startsWith('RSA') &&
    Number(algorithm['modulusLength']) > MAX_MODULUS_BITS
  )
    refuse(`A modulus of ${Number(algorithm['modulusLength'])} bits is over the limit of ${MAX_MODULUS_BITS}`)
  if (name.startsWith('ARGON2')) {
    if (Number(algorithm['memory']) > MAX_ARGON2_KIB)
      refuse(`Argon2 with ${Number(algorithm['memory'])} KiB is over the limit of ${MAX_ARGON2_KIB}`)
    if (Number(algorithm['passes']) > MAX_ARGON2_PASSES)
      refuse(`Argon2 with ${Number(algorithm['passes'])} passes is over the limit of ${MAX_ARGON2_PASSES}`)
  }
}

function refuse(what: string): never {
  throw new DOMException(`${what}.`, 'NotSupportedError')
}
