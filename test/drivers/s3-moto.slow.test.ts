/** The cases of `s3-blob.test.ts` over moto: a second implementation of S3, in Python and slow. */
import { describe } from 'vitest'
import { S3_SERVERS } from './aws-servers.ts'
import type { Gaps } from './contracts/harness.ts'
import { testS3Blob } from './s3-blob-cases.ts'

const GAPS: Gaps = {
  'leaves the old blob where a long stream has the wrong condition':
    'moto 5.2 does not look at the conditions of CompleteMultipartUpload, which AWS documents',
  'blob-d28': 'moto 5.2 answers 500, not NoSuchUpload, to a part of an upload that has ended',
  'blob-d08': 'moto 5.2 routes no path with a line break in it: 404',
  'blob-d29': 'moto 5.2 does not look at X-Amz-Expires',
  'blob-d09': "moto 5.2's HTTP server drops headers whose name has an underscore",
}

const installed = S3_SERVERS.includes('moto')
if (!installed) console.warn("skipped: s3 on moto. It is not installed: pip install 'moto[server]'")
describe.runIf(installed)('s3 driver over moto', () => {
  testS3Blob('moto', GAPS)
})
