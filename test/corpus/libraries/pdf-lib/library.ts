import type { Answers } from '../../harness/library.ts'
import { defineLibrary } from '../../harness/library.ts'

const bytesOf = (answers: Answers): Uint8Array =>
  Buffer.from(answers['a document']?.body.replace(/^base64:/, '') ?? '', 'base64')

export default defineLibrary({
  packages: ['pdf-lib'],
  requests: [
    { name: 'a document', path: '/pdf' },
    { name: 'read', method: 'POST', path: '/read', body: bytesOf, contains: '"pages":1' },
    { name: 'merged', path: '/merge' },
    { name: 'an image', path: '/image' },
    { name: 'a form', path: '/form', contains: 'PDFTextField' },
    { name: 'no document', path: '/bad', status: 400 },
  ],
})
