import { defineLibrary } from '../../harness/library.ts'

/** The library's file for browsers, which Workers and isolates get, writes SVG and no text. */
export default defineLibrary({
  packages: ['qrcode'],
  requests: [
    { name: 'svg', path: '/svg', contains: '<svg' },
    { name: 'svg, safer', path: '/safer?text=Hi', contains: '<svg' },
    { name: 'modules', path: '/modules', contains: '"version":' },
    { name: 'modules of digits', path: '/modules?text=0123456789' },
    { name: 'too long', path: '/long', status: 400, contains: 'version' },
  ],
})
