/**
 * `node:crypto` in an isolate, computed by the engine. Slow work (key derivation, RSA key pairs) runs on the
 * engine's threads in its asynchronous form. The synchronous forms accept only work that all tenants of a
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
import { refused } from '../refused.ts'
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

/** OpenSSL's numbers for the names in `crypto.constants`. */
export const constants = {
  RSA_PKCS1_PADDING: 1,
  RSA_NO_PADDING: 3,
  RSA_PKCS1_OAEP_PADDING: 4,
  RSA_PKCS1_PSS_PADDING: 6,
  RSA_PSS_SALTLEN_DIGEST: -1,
  RSA_PSS_SALTLEN_MAX_SIGN: -2,
  RSA_PSS_SALTLEN_AUTO: -2,
}

const lacks = (name: string): ((...args: never[]) => never) => refused('crypto', name)
export const argon2 = /* @__PURE__ */ lacks('argon2')
export const argon2Sync = /* @__PURE__ */ lacks('argon2Sync')
export const Certificate = /* @__PURE__ */ lacks('Certificate')
export const checkPrime = /* @__PURE__ */ lacks('checkPrime')
export const checkPrimeSync = /* @__PURE__ */ lacks('checkPrimeSync')
export const createDiffieHellman = /* @__PURE__ */ lacks('createDiffieHellman')
export const createDiffieHellmanGroup = /* @__PURE__ */ lacks('createDiffieHellmanGroup')
export const createECDH = /* @__PURE__ */ lacks('createECDH')
export const DiffieHellman = /* @__PURE__ */ lacks('DiffieHellman')
export const DiffieHellmanGroup = /* @__PURE__ */ lacks('DiffieHellmanGroup')
export const ECDH = /* @__PURE__ */ lacks('ECDH')
export const generateKey = /* @__PURE__ */ lacks('generateKey')
export const generateKeySync = /* @__PURE__ */ lacks('generateKeySync')
export const generatePrime = /* @__PURE__ */ lacks('generatePrime')
export const generatePrimeSync = /* @__PURE__ */ lacks('generatePrimeSync')
export const getCipherInfo = /* @__PURE__ */ lacks('getCipherInfo')
export const getDiffieHellman = /* @__PURE__ */ lacks('getDiffieHellman')
export const X509Certificate = /* @__PURE__ */ lacks('X509Certificate')

const cryptography = {
  argon2,
  argon2Sync,
  Certificate,
  checkPrime,
  checkPrimeSync,
  createDiffieHellman,
  createDiffieHellmanGroup,
  createECDH,
  DiffieHellman,
  DiffieHellmanGroup,
  ECDH,
  generateKey,
  generateKeySync,
  generatePrime,
  generatePrimeSync,
  getCipherInfo,
  getDiffieHellman,
  X509Certificate,
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
export const createMac = /* @__PURE__ */ lacks('createMac')
export const decapsulate = /* @__PURE__ */ lacks('decapsulate')
export const encapsulate = /* @__PURE__ */ lacks('encapsulate')
export const getFips = /* @__PURE__ */ lacks('getFips')
export const getMacs = /* @__PURE__ */ lacks('getMacs')
export const parsePKCS12 = /* @__PURE__ */ lacks('parsePKCS12')
export const randomUUIDv7 = /* @__PURE__ */ lacks('randomUUIDv7')
export const secureHeapUsed = /* @__PURE__ */ lacks('secureHeapUsed')
export const setEngine = /* @__PURE__ */ lacks('setEngine')
export const setFips = /* @__PURE__ */ lacks('setFips')
export default cryptography
export { cryptography as 'module.exports' }
