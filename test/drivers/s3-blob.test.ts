import { describe } from 'vitest'
import { testS3Blob } from './s3-blob-cases.ts'

// Over moto: `s3-moto.slow.test.ts`.
describe('s3 driver over fauxqs', () => {
  testS3Blob('fauxqs', {})
})
