import { defineLibrary } from '../../harness/library.ts'

const body = 'some text, ä, and more text'

export default defineLibrary({
  packages: ['@noble/hashes', '@noble/curves', '@noble/ciphers', 'fflate', 'jszip'],
  requests: [
    { name: 'hashes', path: '/hashes', body },
    { name: 'scrypt', path: '/scrypt', body },
    { name: 'signature', path: '/signature', body, contains: '"valid":true' },
    { name: 'cipher', path: '/cipher', body, contains: 'and more text' },
    { name: 'fflate', path: '/fflate', body, contains: 'dir/b.txt' },
    { name: 'jszip', path: '/jszip', body, contains: 'images/b.bin' },
  ],
})
