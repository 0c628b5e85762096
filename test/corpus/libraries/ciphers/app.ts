import CryptoJS from 'crypto-js'
import { generate, generateURI, verify } from 'otplib'
import nacl from 'tweetnacl'
import { defineApp } from 'unmoor'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const text = searchParams.get('text') ?? 'Hällo'
    switch (pathname) {
      case '/hashes':
        return Response.json([
          CryptoJS.SHA256(text).toString(),
          CryptoJS.MD5(text).toString(CryptoJS.enc.Base64),
          CryptoJS.HmacSHA512(text, 'key').toString(),
          CryptoJS.SHA3(text, { outputLength: 256 }).toString(),
          CryptoJS.PBKDF2(text, 'salt', { keySize: 8, iterations: 100 }).toString(),
        ])
      case '/aes': {
        const sealed = CryptoJS.AES.encrypt(text, 'passphrase').toString()
        const key = CryptoJS.enc.Hex.parse('000102030405060708090a0b0c0d0e0f')
        const fixed = CryptoJS.AES.encrypt(text, key, { iv: key, mode: CryptoJS.mode.CTR }).toString()
        return Response.json({
          fixed,
          salted: sealed.startsWith('U2FsdGVkX1'),
          back: CryptoJS.AES.decrypt(sealed, 'passphrase').toString(CryptoJS.enc.Utf8),
        })
      }
      case '/sign': {
        const keys = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(7))
        const signature = nacl.sign.detached(utf8(text), keys.secretKey)
        return Response.json({
          publicKey: hex(keys.publicKey),
          signature: hex(signature),
          valid: nacl.sign.detached.verify(utf8(text), signature, keys.publicKey),
        })
      }
      case '/box': {
        const [ada, bob] = [nacl.box.keyPair(), nacl.box.keyPair()]
        const nonce = nacl.randomBytes(nacl.box.nonceLength)
        const sealed = nacl.box(utf8(text), nonce, bob.publicKey, ada.secretKey)
        const opened = nacl.box.open(sealed, nonce, ada.publicKey, bob.secretKey)
        return Response.json({ length: sealed.length, opened: new TextDecoder().decode(opened ?? undefined) })
      }
      case '/otp': {
        const token = await generate({ secret, epoch: 1_000_000_000 })
        const { valid } = await verify({ secret, token, epoch: 1_000_000_000 })
        return Response.json({ token, valid })
      }
      default:
        return new Response(generateURI({ issuer: 'Ünmoor', label: 'ada@example.com', secret }))
    }
  },
})
