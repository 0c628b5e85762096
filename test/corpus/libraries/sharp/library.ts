import { defineLibrary } from '../../harness/library.ts'

const reason = 'sharp is a native module, which only Node loads'
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"><rect width="7" height="5"/></svg>'

export default defineLibrary({
  packages: ['sharp'],
  refused: { cloudflare: { names: 'sharp', reason }, isolate: { names: 'sharp', reason } },
  requests: [
    { name: 'png', path: '/png' },
    { name: 'resized', path: '/resized' },
    { name: 'webp', path: '/webp' },
    { name: 'metadata', path: '/metadata', body: svg, contains: '"width":7' },
    { name: 'raw', path: '/raw', contains: '"channels":4' },
    { name: 'no picture', path: '/bad', status: 400, contains: 'unsupported image format' },
  ],
})
