/**
 * `node:crypto` in an isolate: the host's, by calls. What takes long (derivation of keys, pairs of RSA keys)
 * runs on the host's threads in its asynchronous form; the synchronous forms take what all tenants of a
 * process can wait for, and refuse more by name.
 */
import { Cipheriv, createCipheriv, createDecipheriv, Decipheriv } from './cipher.ts'
import { createHash, createHmac, Hash, hash, Hmac } from './hash.ts'
import { call } from './host.ts'
import { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from './kdf.ts'
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  generateKeyPairSync,
  KeyObject,
} from './keys.ts'
import { randomBytes, randomFill, randomFillSync, randomInt, randomUUID, timingSafeEqual } from './random.ts'
import {
  createSign,
  createVerify,
  diffieHellman,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  Sign,
  sign,
  Verify,
  verify,
} from './sign.ts'

export { Cipheriv, createCipheriv, createDecipheriv, Decipheriv } from './cipher.ts'
export { createHash, createHmac, Hash, hash, Hmac } from './hash.ts'
export { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from './kdf.ts'
export {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  generateKeyPairSync,
  KeyObject,
} from './keys.ts'
export { randomBytes, randomFill, randomFillSync, randomInt, randomUUID, timingSafeEqual } from './random.ts'
export {
  createSign,
  createVerify,
  diffieHellman,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  Sign,
  sign,
  Verify,
  verify,
} from './sign.ts'

export const webcrypto = globalThis.crypto
export const subtle = webcrypto.subtle
export const getRandomValues = webcrypto.getRandomValues.bind(webcrypto)
export const pseudoRandomBytes = randomBytes

const list = (what: string) => (): string[] => call<string[]>('list', what)
export const getHashes = list('hashes')
export const getCiphers = list('ciphers')
export const getCurves = list('curves')

/** Numbers that OpenSSL has for them. */
export const constants = {
  RSA_PKCS1_PADDING: 1,
  RSA_NO_PADDING: 3,
  RSA_PKCS1_OAEP_PADDING: 4,
  RSA_PKCS1_PSS_PADDING: 6,
  RSA_PSS_SALTLEN_DIGEST: -1,
  RSA_PSS_SALTLEN_MAX_SIGN: -2,
  RSA_PSS_SALTLEN_AUTO: -2,
}

const cryptography = {
  Cipheriv,
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  Decipheriv,
  diffieHellman,
  generateKeyPair,
  generateKeyPairSync,
  getCiphers,
  getCurves,
  getHashes,
  getRandomValues,
  Hash,
  hash,
  hkdf,
  hkdfSync,
  Hmac,
  KeyObject,
  pbkdf2,
  pbkdf2Sync,
  privateDecrypt,
  privateEncrypt,
  pseudoRandomBytes,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  scrypt,
  scryptSync,
  Sign,
  sign,
  subtle,
  timingSafeEqual,
  Verify,
  verify,
  webcrypto,
}
export default cryptography
export { cryptography as 'module.exports' }
