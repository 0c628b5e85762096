import { defineLibrary } from '../../harness/library.ts'

const asked = (path: string, text: string): string => `${path}?text=${encodeURIComponent(text)}`

export default defineLibrary({
  packages: ['validator', 'libphonenumber-js', 'slugify', 'ms'],
  requests: [
    { name: 'an address', path: asked('/validator', 'Ada.Lovelace+x@GMail.com'), contains: '"email":true' },
    { name: 'an IBAN', path: asked('/validator', 'DE89370400440532013000'), contains: '"iban":true' },
    { name: 'a script', path: asked('/validator', '<script>"&\''), contains: '&lt;script&gt;' },
    { name: 'a phone number', path: asked('/phone', '030 901820'), contains: '+49 30 901820' },
    { name: 'no phone number', path: asked('/phone', 'x'), status: 400 },
    { name: 'countries', path: '/countries', contains: 'DE' },
    { name: 'ms', path: '/ms', contains: '172800000' },
    { name: 'slugify', path: asked('/slug', 'Größe & Ärger -- æøå ♥!'), contains: 'groesse' },
  ],
})
