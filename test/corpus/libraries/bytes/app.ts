import { gcm } from '@noble/ciphers/aes.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { gunzipSync, gzipSync, strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import JSZip from 'jszip'
import { defineApp } from 'unmoor'

const hex = (bytes: Uint8Array): string => bytes.toHex()

export default defineApp({
  async fetch(request) {
    const text = await request.text()
    const bytes = strToU8(text)
    switch (new URL(request.url).pathname) {
      case '/hashes':
        return Response.json([
          hex(sha256(bytes)),
          hex(blake3(bytes)),
          hex(hmac(sha256, strToU8('key'), bytes)),
        ])
      case '/scrypt':
        return new Response(hex(await scryptAsync(bytes, 'salt', { N: 2 ** 8, r: 8, p: 1, dkLen: 32 })))
      case '/signature': {
        const key = sha256(strToU8('secret'))
        const signature = ed25519.sign(bytes, key)
        return Response.json({
          signature: hex(signature),
          valid: ed25519.verify(signature, bytes, ed25519.getPublicKey(key)),
        })
      }
      case '/cipher': {
        const cipher = gcm(sha256(strToU8('key')), new Uint8Array(12))
        const sealed = cipher.encrypt(bytes)
        return Response.json({ sealed: hex(sealed), back: strFromU8(cipher.decrypt(sealed)) })
      }
      case '/fflate': {
        const zip = zipSync({ 'a.txt': bytes, dir: { 'b.txt': strToU8('b') } }, { mtime: '2024-01-01' })
        return Response.json({
          names: Object.keys(unzipSync(zip)),
          back: strFromU8(gunzipSync(gzipSync(bytes))),
        })
      }
      default: {
        const zip = new JSZip()
        zip
          .file('a.txt', text)
          .folder('images')
          ?.file('b.bin', new Uint8Array([1, 2, 3]))
        const packed = await zip.generateAsync({ type: 'uint8array', compression: 'DEFLATE' })
        const back = await JSZip.loadAsync(packed)
        return Response.json({
          names: Object.keys(back.files),
          text: await back.file('a.txt')?.async('string'),
        })
      }
    }
  },
})
