import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['crypto-js', 'tweetnacl', 'otplib'],
  requests: [
    { name: 'hashes', path: '/hashes' },
    { name: 'hashes of other text', path: '/hashes?text=%F0%9F%98%80' },
    { name: 'aes', path: '/aes', contains: '"back":"Hällo"' },
    { name: 'sign', path: '/sign', contains: '"valid":true' },
    { name: 'box', path: '/box', contains: '"opened":"Hällo"' },
    { name: 'otp', path: '/otp', contains: '"valid":true' },
    { name: 'otp uri', path: '/uri', contains: 'otpauth://totp/' },
  ],
})
